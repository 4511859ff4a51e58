/** A refusal of the guard; the message names the target and the reason, without secrets. */
export type RefusalCode = 'TARGET_FORBIDDEN' | 'TARGET_PAUSED' | 'REDIRECT_REFUSED' | 'REDIRECT_LIMIT'

/** A call or connection that is not made. But for TARGET_PAUSED no repetition mends it: the target itself is wrong. */
export class OutboundRefusal extends Error {
  override readonly name = 'OutboundRefusal'
  readonly code: RefusalCode
  /** Only with TARGET_PAUSED: milliseconds until it is let through again. */
  readonly retryAfterMs: number | undefined

  constructor(code: RefusalCode, message: string, retryAfterMs?: number) {
    super(message)
    this.code = code
    this.retryAfterMs = retryAfterMs
  }
}
