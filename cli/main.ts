#!/usr/bin/env node
import { spawn } from 'node:child_process'
import { homedir } from 'node:os'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { Writable } from 'node:stream'
import project from '../package.json' with { type: 'json' }
import { exitCodes, type Io, Stop } from './io.ts'
import { keyringOf } from './keyring.ts'
import { run } from './program.ts'

const { stdin, stdout, stderr, env, argv } = process

const io: Io = {
  out: (some) => void stdout.write(some),
  err: (some) => void stderr.write(some),
  read: () => text(stdin),
  lines: () => createInterface({ input: stdin }),
  ask: stdin.isTTY && stderr.isTTY ? ask : null,
  ...{ env, isTerminal: stdout.isTTY ?? false, home: homedir(), fetch },
  keyring: keyringOf(process.platform),
  open: openInBrowser,
}

/** Questions stand on stderr, so that stdout can be piped. */
function ask(question: string, isHidden: boolean): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const reader = createInterface({ input: stdin, output: isHidden ? nowhere : stderr, terminal: true })
  // after the terminal shows no more what is typed
  stderr.write(question)
  return new Promise((resolve, reject) => {
    reader.once('line', (line) => {
      resolve(line)
      reader.close()
    })
    // after a line this decides nothing; else it is Ctrl-C or Ctrl-D
    reader.once('close', () => {
      if (isHidden) stderr.write('\n')
      reject(new Stop('', exitCodes.interrupted))
    })
  })
}

function openInBrowser(url: string): void {
  const program = { darwin: 'open', win32: 'explorer' }[process.platform as 'darwin' | 'win32'] ?? 'xdg-open'
  // without a browser the address that is printed has to do
  spawn(program, [url], { detached: true, stdio: 'ignore' })
    .on('error', () => {})
    .unref()
}

// a reader that goes away (head, less) is no failure
stdout.on('error', () => process.exit(0))
process.exitCode = await run(argv.slice(2), io, project.version)
