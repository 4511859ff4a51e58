import type { RedactingStream } from '../../redact/index.ts'
import type { Line } from '../../outbound/index.ts'

/** The newest successful run of a job that has an output. */
export type LastOutput = { runId: string; output: string; finishedAt: Date }

/**
 * The log of a running attempt. `end` resolves once it is stored; or, if there is an outcome to store it with, returns
 * what is left to store. It does not reject.
 */
export type AttemptLog = {
  write(chunk: string | Uint8Array): void
  end(how: { withOutcome: boolean }): Promise<Buffer | null>
}

/** The tools of an action besides the job, the run and the signal. Created for each attempt. */
export type ActionContext = {
  userAgent: string
  /** A guarded way out for one call; the opener closes it. */
  line(): Line
  /** @throws AppError SECRET_UNKNOWN, SECRET_UNREADABLE. The value is redacted wherever the attempt shows it. */
  secret(name: string): Promise<string>
  /** Of this job (null) or of another; null: there is none yet. */
  lastOutput(jobId: string | null): Promise<LastOutput | null>
  /**
   * Foreign text without secrets. Whatever is cut, or put into a longer text, has to go through this before: of a secret
   * that a cut has split the rest would not be found. `isCut`: it was cut already, at its end.
   */
  hide(text: string, wish?: { isCut: boolean }): string
  /** The same for text in pieces. */
  hiding(): RedactingStream
  /** Appends to the attempt's log: redacted, and capped at its first and its last 64 KiB. */
  log(chunk: string | Uint8Array): void
  /**
   * The address at which the target reports the outcome later, once, within `deadlineMs` milliseconds.
   *
   * @throws AppError CALLBACK_UNAVAILABLE: CALLBACK_URL or ENCRYPTION_KEY is not set.
   */
  callbackUrl(deadlineMs: number): string
  /** The step that this attempt is in the trace, as W3C's `traceparent`; null: nothing is traced. */
  traceparent: string | null
  /** False once the lease of the run is lost, or may be: no further effect may begin. */
  isHeld(): boolean
}
