/** A call that came to no whole answer because of the network or of what the other side sent. `cause` says why. */
export class CallFailed extends Error {
  override readonly name = 'CallFailed'

  constructor(cause: unknown) {
    super('the call failed', { cause })
  }
}
