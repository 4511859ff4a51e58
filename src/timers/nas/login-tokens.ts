import { createHash } from 'node:crypto'
import type { LoginRow, Renewed } from './login-store.ts'
import type { Tokens } from './refresh.ts'

/** An access token as a process holds it: renewed from `refreshAt` on, of no use from `expiresAt` on. */
export type Access = { token: string; refreshAt: Date; expiresAt: Date }

export type Sealer = {
  seal(plain: string, context: string): string
  open(sealed: string, context: string): string
}

type LoginTokensNeeds = {
  seal: Sealer
  clientId: string
  log: { warn(fields: object, message: string): void }
}

/** The tokens of a login on their way into and out of the store. A null: it cannot be opened with our keys. */
export function createLoginTokens({ seal: sealer, clientId, log }: LoginTokensNeeds) {
  const context = (kind: 'access' | 'refresh') => `nas_login:${clientId}:${kind}`

  function open(sealed: string, kind: 'access' | 'refresh'): string | null {
    try {
      return sealer.open(sealed, context(kind))
    } catch (error) {
      log.warn({ err: error }, `the stored ${kind} token could not be decrypted`)
      return null
    }
  }

  return {
    sealRefresh: (token: string) => ({ hash: hashOf(token), sealed: sealer.seal(token, context('refresh')) }),

    openRefresh: ({ refresh }: LoginRow) => open(refresh.sealed, 'refresh'),

    openAccess({ access }: LoginRow): Access | null {
      const token = access && open(access.sealed, 'access')
      return access && token ? { token, refreshAt: access.refreshAt, expiresAt: access.expiresAt } : null
    },

    /** What to store after a refresh that spent the refresh token with the hash `refreshedFrom`. */
    seal(tokens: Tokens, { refreshAt, expiresAt }: Access, refreshedFrom: string): Renewed {
      const access = { sealed: sealer.seal(tokens.access, context('access')), refreshAt, expiresAt }
      return { refreshedFrom, refresh: this.sealRefresh(tokens.refresh), access }
    },
  }
}

/** Tells refresh tokens apart, in the clear. They are long and random, so that no hash can be guessed back. */
export function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}
