/** The content of a message about a run. Instants are Dates; `durationMs` null: it never began, or has not ended. */
export type Message = {
  /** The delivery's id (a UUID), the same over all its tries. */
  id: string
  event: 'success' | 'failure' | 'recovery' | 'start' | 'test' | 'health'
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

export type { Sent } from '../../../decisions/index.ts'

export type DeliveryError = { code: string; message: string }
