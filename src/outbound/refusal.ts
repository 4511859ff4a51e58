/** What the way out refuses by itself; the message says what was given and what was expected, without secrets. */
export type RefusalCode = 'TARGET_FORBIDDEN' | 'REDIRECT_REFUSED' | 'REDIRECT_LIMIT'

/** A call or connection that is not made. No repetition mends it: the target itself is wrong. */
export class OutboundRefusal extends Error {
  override readonly name = 'OutboundRefusal'
  readonly code: RefusalCode

  constructor(code: RefusalCode, message: string) {
    super(message)
    this.code = code
  }
}
