import { randomBytes } from 'node:crypto'
import type { Incoming } from './http.ts'

export type TokenAnswer = { status: number; body: unknown }

export const loginClient = 'conformance-client'

/** One login at the portal: a chain of refresh tokens, in which the second use of one is the end of all. */
export function createLogin() {
  const presented = new Map<string, number>()
  const access = new Set<string>()
  let refresh = secret('rt')
  let dead = false

  return {
    first: refresh,
    /** Which place this kind of portal reads the refresh token from. */
    reads: 'both' as 'both' | 'header' | 'form',
    expiresIn: 900,
    presented,
    get isDead() {
      return dead
    },
    get current() {
      return refresh
    },
    hasAccess: (token: string) => access.has(token),
    /** Every access token given out so far ends now. */
    endAccess: () => access.clear(),
    timesPresented: () => Math.max(0, ...presented.values()),

    answer(call: Incoming): TokenAnswer {
      const form = new URLSearchParams(call.text)
      const inHeader = call.headers['x-nous-refresh-token']
      const token =
        this.reads === 'header'
          ? inHeader
          : this.reads === 'form'
            ? form.get('refresh_token')
            : (inHeader ?? form.get('refresh_token'))
      if (form.get('grant_type') !== 'refresh_token' || typeof token !== 'string')
        return { status: 400, body: { error: 'invalid_request' } }
      presented.set(token, (presented.get(token) ?? 0) + 1)
      if (form.get('client_id') !== loginClient) return { status: 400, body: { error: 'invalid_grant' } }
      if (token !== refresh) dead = true
      if (dead) return { status: 400, body: { error: 'refresh_token_reused' } }
      refresh = secret('rt')
      const granted = secret('at')
      access.add(granted)
      return {
        status: 200,
        body: {
          access_token: granted,
          token_type: 'Bearer',
          expires_in: this.expiresIn,
          refresh_token: refresh,
        },
      }
    },
  }
}

export function secret(kind: string): string {
  return `${kind}-${randomBytes(24).toString('base64url')}`
}
