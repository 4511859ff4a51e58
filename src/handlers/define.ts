import type { Static, TSchema } from 'typebox'

/** What a handler may use. All of it ends with the attempt: what goes on afterwards gets nothing any more. */
export type HandlerContext = {
  /** Aborts at the time limit, at a cancel, when the process goes down and when the run is lost: stop then. */
  signal: AbortSignal
  /** Appends to the attempt's log; secrets are blacked out. */
  log(text: string): void
  /** A stored secret. Rejects where there is none of this name: the run then fails for good, unless that is caught. */
  secret(name: string): Promise<string>
  /** The same for every attempt of this slot; to be sent wherever an effect must happen once. */
  idempotencyKey: string
  /** Grows with each claim of the run; whoever is shown a smaller one than before may refuse it. */
  fence: number
  /** False once another process may have taken the run over: begin no further effect. */
  isHeld(): boolean
  job: { id: string; name: string }
  /** `slot` is null for a run without one. */
  run: { id: string; slot: Date | null; attempt: number; trigger: string }
  /** As the global one, through the guard against private addresses, and ended by `signal`. */
  fetch: typeof globalThis.fetch
}

export type Handler<Input extends TSchema = TSchema> = {
  /** What the input has to be; it is checked before `run` is called. */
  input: Input
  /**
   * The work. What it returns is the output of the run: a text as it is, nothing for undefined, everything else as
   * JSON. What it throws is the run's failure.
   */
  run(input: Static<Input>, context: HandlerContext): unknown
}

/** A handler whose `run` knows the type of its input from the schema. To be the default export of a file in `handlers/`. */
export function defineHandler<const Input extends TSchema>(handler: Handler<Input>): Handler<Input> {
  return handler
}
