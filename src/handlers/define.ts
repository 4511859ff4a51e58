import type { Static, TSchema } from 'typebox'

/** The context of a handler. All of it ends with the attempt: code that continues afterwards gets nothing any more. */
export type HandlerContext = {
  /** Aborts at the time limit, at a cancel, when the process goes down and when the run is lost: stop then. */
  signal: AbortSignal
  /** Appends to the attempt's log; secrets are blacked out. */
  log(text: string): void
  /** A stored secret. Rejects if there is none of this name: the run then fails permanently, unless that is caught. */
  secret(name: string): Promise<string>
  /** The same for every attempt of this slot; to be sent wherever an effect must happen once. */
  idempotencyKey: string
  /** Grows with each claim of the run; a target that gets a smaller one than before may refuse it. */
  fence: number
  /** The current step of the trace, to be sent with calls (W3C Trace Context); null: nothing is traced. */
  traceparent: string | null
  /** False once another process may have taken the run over: begin no further effect. */
  isHeld(): boolean
  job: { id: string; name: string }
  /** `slot` is null for a run without one. */
  run: { id: string; slot: Date | null; attempt: number; trigger: string }
  /** As the global one, through the guard against private addresses, and ended by `signal`. */
  fetch: typeof globalThis.fetch
}

export type Handler<Input extends TSchema = TSchema> = {
  /** The schema of the input; it is checked before `run` is called. */
  input: Input
  /**
   * The work. Its return value is the output of the run: a string as it is, nothing for undefined, everything else as
   * JSON. Its exception is the run's failure.
   */
  run(input: Static<Input>, context: HandlerContext): unknown
}

/** A handler whose `run` knows the type of its input from the schema. To be the default export of a file in `handlers/`. */
export function defineHandler<const Input extends TSchema>(handler: Handler<Input>): Handler<Input> {
  return handler
}
