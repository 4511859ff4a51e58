/** What all processes share about one login. Secrets are sealed; hashes tell tokens apart. */
export type LoginRow = {
  /** Of the token from the environment that this chain of refresh tokens began with. */
  firstHash: string
  refresh: { hash: string; sealed: string }
  /** Null: none yet. Renewed from `refreshAt` on, of no use from `expiresAt` on. */
  access: { sealed: string; refreshAt: Date; expiresAt: Date } | null
  /** The portal's message when it permanently refused the current refresh token; null: it has not. */
  refusal: string | null
  /** Refreshes begun with the current refresh token, whose outcome is not known; this one included. */
  begun: number
}

export type Renewed = {
  /** Hash of the refresh token that was spent. */
  refreshedFrom: string
  refresh: LoginRow['refresh']
  access: NonNullable<LoginRow['access']>
}

/**
 * The one row of a login; every change is a compare-and-set. All may throw: then the store is out of reach.
 */
export type LoginStore = {
  read(): Promise<LoginRow | null>
  /**
   * The row, started with `first` if there is none, or started again if `first` was never seen before. A token that
   * an earlier chain began with does not start again, so that a machine not updated yet cannot undo a new login.
   */
  begin(first: { hash: string; sealed: string }): Promise<LoginRow>
  /** The row, with the sole right to refresh for `ttlMs`; null: another has it, or the token is refused. */
  takeLease(owner: string, ttlMs: number): Promise<LoginRow | null>
  /** Stores new tokens and ends the lease; false: the row has moved on from `refreshedFrom`, nothing is changed. */
  save(renewed: Renewed): Promise<boolean>
  /** Ends the lease of a refresh that certainly did not spend the token. */
  release(owner: string): Promise<void>
  /** Remembers that this refresh token is permanently refused, and ends the lease; true for the first to say so. */
  markRefused(hash: string, message: string): Promise<boolean>
}
