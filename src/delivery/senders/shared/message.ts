/** The content of a message about a run. Instants are Dates; `durationMs` null: it never began, or has not ended. */
export type Message = {
  /** The delivery's id (a UUID), the same over all its tries. */
  id: string
  event: 'success' | 'failure' | 'recovery' | 'start' | 'test'
  job: { id: string; name: string }
  run: {
    id: string
    slot: Date | null
    state: string
    attempt: number
    trigger: string
    startedAt: Date | null
    finishedAt: Date | null
    durationMs: number | null
  }
  output: string | null
  /** The input of the run; for templates. */
  input?: unknown
  error: { code: string; message: string } | null
  skippedReason?: string | null
  /** Where a person reads more; null: nowhere. */
  link: string | null
}

/** How one try ended. `error.message` names the receiver by its origin only, as paths of such URLs are secrets. */
export type Delivered =
  | { state: 'delivered' }
  /** The receiver's own wish, if any; at most 24 h. */
  | { state: 'retry'; error: DeliveryError; retryAfterMs?: number }
  /** Nothing that another try would mend. */
  | { state: 'failed'; error: DeliveryError }
  /** The receiver is gone permanently: nothing may be sent there any more. */
  | { state: 'disabled'; error: DeliveryError }

export type DeliveryError = { code: string; message: string }
