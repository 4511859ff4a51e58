/** A call without a complete answer because of the network or of the other side. `cause` says why. */
export class CallFailed extends Error {
  override readonly name = 'CallFailed'

  constructor(cause: unknown) {
    super('the call failed', { cause })
  }
}
