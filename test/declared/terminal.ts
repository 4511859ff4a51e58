import { join } from 'node:path'
import type { Io } from '../../cli/io.ts'
import type { Keyring } from '../../cli/keyring.ts'
import { run } from '../../cli/program.ts'

export type Typed = {
  input?: string
  env?: Record<string, string>
  /** Of a person who can be asked. */
  answer?: string
  isTerminal?: boolean
  keyring?: Keyring
  fetch?: Io['fetch']
}

/** Types commands as a person whose home is `home` does; gives what they wrote and their exit codes. */
export function terminalOf(home: string) {
  return async (
    args: string[],
    { input = '', env = {}, answer, isTerminal = false, keyring, fetch: send = fetch }: Typed = {},
  ) => {
    const written = { out: '', err: '' }
    const io: Io = {
      out: (text) => (written.out += text),
      err: (text) => (written.err += text),
      read: async () => input,
      async *lines() {
        yield* input.split('\n')
      },
      ask: answer === undefined ? null : async () => answer,
      ...{ env: { ...env }, isTerminal, home, fetch: send, keyring: keyring ?? null },
      open: () => {},
    }
    return { code: await run(args, io, '1.2.3'), ...written }
  }
}

const files = /^[\w.-]+\.(txt|yaml)$/

/** Whole lines, as pages show them; files are those of `folder`. */
export function chronosIn(folder: string) {
  const type = terminalOf(folder)
  return (line: string, typed: Typed) => {
    const [, ...words] = line.match(/"[^"]*"|\S+/g) ?? []
    const args = words.map((word) => (files.test(word) ? join(folder, word) : word.replaceAll('"', '')))
    // the usual file is that of the folder in which a command is typed
    if (/^(plan|apply)$/.test(args[0] ?? '') && !args.some((arg) => arg.includes(folder)))
      args.splice(1, 0, join(folder, 'chronos.yaml'))
    if (args[0] === 'import') args.push('--output', join(folder, 'chronos.yaml'))
    return type(args, typed)
  }
}
