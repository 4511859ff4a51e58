import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Socket } from 'node:net'
import { createInterface } from 'node:readline'
import type { Command } from './owner.ts'
import { runningServer } from './postmaster.ts'

export type Server = { stop: () => Promise<void> }

/** Runs a program to its end; if that is not 0, the error has what it wrote. */
export async function runToEnd(command: Command): Promise<void> {
  const child = spawn(command.file, command.args, {
    cwd: '/',
    stdio: ['ignore', 'ignore', 'pipe'],
    env: serverEnv,
  })
  const tail = keepTail(child)
  await exited(child, command)
  if (child.exitCode !== 0) throw new Error(`${command.file} ended with ${endOf(child)}:\n${tail.join('\n')}`)
}

/** Starts the server and waits until it accepts connections. It ends with this process, however that ends. */
export async function serve(
  command: Command,
  directory: string,
  log: (line: string) => void,
): Promise<Server> {
  // Detached: Ctrl-C in a terminal is for us, and we stop the server last.
  const child = spawn(command.file, command.args, {
    cwd: '/',
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: serverEnv,
  })
  const tail = keepTail(child, log)
  const ended = exited(child, command)
  ended.catch(() => {})
  await waitUntilReady(child, ended, directory, tail)
  const releaseLifeline = tieToThisProcess(child)
  // A program that forgets to stop it can end all the same.
  child.unref()
  if (child.stderr instanceof Socket) child.stderr.unref()
  return {
    async stop() {
      releaseLifeline()
      child.ref()
      await stop(child, ended)
    },
  }
}

// Nothing of ours belongs into the server's environment (PGDATA and the like least of all).
const serverEnv = { PATH: process.env['PATH'] ?? '', LC_ALL: 'C' }

async function exited(child: ChildProcess, command: Command): Promise<void> {
  try {
    await once(child, 'exit')
  } catch (cause) {
    throw new Error(`${command.file} could not be started; it has to be installed`, { cause })
  }
}

async function waitUntilReady(
  child: ChildProcess,
  ended: Promise<void>,
  directory: string,
  tail: string[],
): Promise<void> {
  // The lock file says when, as it does for pg_ctl.
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`the database in ${directory} did not start (${endOf(child)}):\n${tail.join('\n')}`)
    }
    const server = await runningServer(directory)
    if (server?.pid === child.pid && server?.status === 'ready') return
    await Promise.race([ended, new Promise((wake) => setTimeout(wake, 10))])
  }
}

/** A shell that waits for our end of its pipe to close, which the kernel does for a killed process too. */
function tieToThisProcess(child: ChildProcess): () => void {
  const script = 'read -r line; [ "$line" = release ] || kill -INT "$1"'
  const watch = spawn('sh', ['-c', script, 'sh', String(child.pid)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  watch.unref()
  watch.stdin.on('error', () => {})
  return () => watch.stdin.end('release\n')
}

/** SIGINT: roll back, write a checkpoint, go. SIGQUIT: go; the next start recovers. */
async function stop(child: ChildProcess, ended: Promise<void>): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill(signal)
    await Promise.race([ended, new Promise((wake) => setTimeout(wake, 5000).unref())])
  }
  await ended
}

function keepTail(child: ChildProcess, log?: (line: string) => void): string[] {
  const tail: string[] = []
  if (!child.stderr) return tail
  createInterface(child.stderr).on('line', (line) => {
    log?.(line)
    tail.push(line)
    if (tail.length > 20) tail.shift()
  })
  return tail
}

function endOf(child: ChildProcess): string {
  return child.signalCode ?? `exit status ${child.exitCode}`
}
