import { createHmac, timingSafeEqual } from 'node:crypto'
import { AppError } from '../ground/errors.ts'

/** The contents of a callback's token: which attempt may be reported, and until when (ms since 1970). */
export type CallbackClaims = { jobId: string; runId: string; fence: number; until: number }

export type CallbackAddress = {
  /** @throws AppError CALLBACK_UNAVAILABLE */
  url(claims: CallbackClaims): string
  /** Without the database. @throws AppError TOKEN_REJECTED: forged, cut, or signed with a key that is not given here. */
  verify(token: string): CallbackClaims
}

type AddressNeeds = {
  /** No key: nothing can report. The first signs; all are taken. */
  keys: readonly Buffer[]
  callbackUrl: string | null
}

/**
 * Addresses at which targets report outcomes later. The token in it is signed (HMAC-SHA256) and names one attempt by
 * its fence, so it is good once: what ends the attempt makes the fence stale.
 */
export function createCallbackAddress({ keys, callbackUrl }: AddressNeeds): CallbackAddress {
  const secrets = keys.map((key) => createHmac('sha256', key).update('chronos callback').digest())
  const sign = (text: string, secret: Buffer) => createHmac('sha256', secret).update(text).digest()

  return {
    url({ jobId, runId, fence, until }) {
      const [secret] = secrets
      if (!secret || !callbackUrl) {
        const missing = secret ? 'CALLBACK_URL' : 'ENCRYPTION_KEY'
        throw new AppError('CALLBACK_UNAVAILABLE', `${missing} is required to use targets that report later`)
      }
      const text = Buffer.from(`${jobId}.${runId}.${fence}.${until}`).toString('base64url')
      return `${callbackUrl}/api/callbacks/${text}.${sign(text, secret).toString('base64url')}`
    },

    verify(token) {
      const [text = '', signature = '', ...rest] = token.split('.')
      const given = Buffer.from(signature, 'base64url')
      const isOurs = secrets.some((secret) => {
        const expected = sign(text, secret)
        return given.length === expected.length && timingSafeEqual(given, expected)
      })
      if (!isOurs || rest.length > 0)
        throw new AppError('TOKEN_REJECTED', 'this service did not issue the address')
      const [jobId = '', runId = '', fence, until] = Buffer.from(text, 'base64url').toString().split('.')
      return { jobId, runId, fence: Number(fence), until: Number(until) }
    },
  }
}
