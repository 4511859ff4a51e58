import type { Keyring } from './keyring.ts'

/** What a command may touch outside: handed in, so that a test can be the terminal. */
export type Io = {
  out(text: string): void
  err(text: string): void
  /** Standard input as a whole. */
  read(): Promise<string>
  /** Its lines as they come. */
  lines(): AsyncIterable<string>
  /** A line that a person types; `isHidden`: it is not shown. Null: nobody can be asked. @throws Stop: Ctrl-C */
  ask: ((question: string, isHidden: boolean) => Promise<string>) | null
  env: { [name: string]: string | undefined }
  /** Whether the output is a terminal. */
  isTerminal: boolean
  /** Where profiles are kept. */
  home: string
  fetch: typeof fetch
  /** Where the system keeps secrets; null: it has no such place. */
  keyring: Keyring | null
  /** Opens a page in the person's browser. */
  open(url: string): void
}

/** The exit codes. docs/command.md has the same table. */
export const exitCodes = {
  ok: 0,
  /** The service refused it, a run did not succeed, or something is wrong with the deployment. */
  failed: 1,
  /** The command line cannot be read. */
  usage: 2,
  /** The service cannot be reached, or is not ready. */
  unreachable: 3,
  /** No login, a key that is not accepted, or one without the scope. */
  forbidden: 4,
  /** No such job, run, channel … */
  notFound: 5,
  /** It has changed meanwhile, or its state does not allow it. */
  conflict: 6,
  /** `plan --exit-code`: something would change. */
  differs: 7,
  /** Ctrl-C, as shells have it. */
  interrupted: 130,
} as const

/** Ends the command with a sentence and an exit code. */
export class Stop extends Error {
  override readonly name = 'Stop'
  readonly exitCode: number

  constructor(message: string, exitCode: number = exitCodes.failed) {
    super(message)
    this.exitCode = exitCode
  }
}
