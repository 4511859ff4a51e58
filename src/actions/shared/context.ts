import type { RedactingStream } from '../../redact/index.ts'
import type { Line } from '../../outbound/index.ts'

/** The newest successful run of a job that has an output. */
export type LastOutput = { runId: string; output: string; finishedAt: Date }

/** What an attempt writes while it runs. `end` resolves once what was written is kept. */
export type AttemptLog = { write(chunk: string | Uint8Array): void; end(): Promise<void> }

/** What an action may use besides the job, the run and the signal. Made anew for each attempt. */
export type ActionContext = {
  userAgent: string
  /** A guarded way out for one call; whoever opens it closes it. */
  line(): Line
  /** @throws AppError SECRET_UNKNOWN, SECRET_UNREADABLE. What was asked for is redacted wherever the attempt shows it. */
  secret(name: string): Promise<string>
  /** Of this job (null) or of another; null: there is none yet. */
  lastOutput(jobId: string | null): Promise<LastOutput | null>
  /**
   * Foreign text without secrets. Whatever is cut, or put into a longer text, has to go through this before: of a secret
   * that a cut has split the rest would not be found. `isCut`: it was cut already, at its end.
   */
  hide(text: string, wish?: { isCut: boolean }): string
  /** The same for what comes in pieces. */
  hiding(): RedactingStream
  /** Appends to the attempt's log: redacted, and capped at its first and its last 64 KiB. */
  log(chunk: string | Uint8Array): void
  /**
   * Where the target reports the outcome later, once, at the latest in `deadlineMs` milliseconds.
   *
   * @throws AppError CALLBACK_UNAVAILABLE: CALLBACK_URL or ENCRYPTION_KEY is not set.
   */
  callbackUrl(deadlineMs: number): string
  /** False once the lease of the run is lost, or may be: no further effect may begin. */
  isHeld(): boolean
}
