import { SignJWT } from 'jose/jwt/sign'
import { importPKCS8 } from 'jose/key/import'
import type { GoogleKey } from '../../ground/config-cloud-tasks.ts'
import { failure, failureOf, type Reply, send, type TimerAnswer } from '../index.ts'

/** Access tokens of a service account. */
export type Access = {
  /** A token to use now. Calls at one time share one request for it. */
  get(): Promise<TimerAnswer<string>>
  /** Google answered 401 to `token`: never hand it out again. */
  invalidate(token: string): void
}

type AccessNeeds = { key: GoogleKey; userAgent: string; now?: () => number; timeoutMs?: number }

const scope = 'https://www.googleapis.com/auth/cloud-platform'
/** A token is renewed so long before its end. */
const earlyMs = 120_000
const longestLifeS = 3_600
const grantType = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

/**
 * Exchanges a JWT that the service account's key signs for an access token (RFC 7523), and keeps that until shortly
 * before it ends.
 */
export function createAccess({ key, userAgent, now = Date.now, timeoutMs = 15_000 }: AccessNeeds): Access {
  let held: { token: string; untilMs: number } | null = null
  let underWay: Promise<TimerAnswer<string>> | null = null

  async function assertion(): Promise<string> {
    const signingKey = await importPKCS8(key.privateKey, 'RS256')
    const nowS = Math.floor(now() / 1_000)
    return new SignJWT({ scope })
      .setProtectedHeader({ alg: 'RS256', typ: 'JWT', ...(key.keyId && { kid: key.keyId }) })
      .setIssuer(key.email)
      .setAudience(key.tokenUrl)
      .setIssuedAt(nowS)
      .setExpirationTime(nowS + longestLifeS)
      .sign(signingKey)
  }

  async function renew(): Promise<TimerAnswer<string>> {
    const signed = await assertion().catch(() => null)
    if (signed === null) return refused('the private key of CLOUD_TASKS_KEY cannot be read')
    const answer = await send({
      ...{
        service: 'CLOUD_TASKS',
        method: 'post',
        url: new URL(key.tokenUrl),
        timeoutMs,
        maxBytes: 64 * 1024,
      },
      headers: { accept: 'application/json', 'user-agent': userAgent },
      body: new URLSearchParams({ grant_type: grantType, assertion: signed }),
      secrets: [signed],
    })
    return answer.ok ? read(answer.value) : answer
  }

  function read(reply: Reply): TimerAnswer<string> {
    const { status, body } = reply
    if (status < 200 || status >= 300) {
      const meaning = failureOf('CLOUD_TASKS', reply)
      return meaning.kind === 'rejected' ? refused(meaning.message) : meaning
    }
    const [token, lifeS] = [body?.['access_token'], Number(body?.['expires_in'])]
    if (typeof token !== 'string' || !token)
      return failure('transient', 'CLOUD_TASKS_UNREADABLE', `answered ${status} without access_token`)
    held = { token, untilMs: now() + (lifeS > 0 ? lifeS : 600) * 1_000 - earlyMs }
    return { ok: true, value: token }
  }

  return {
    async get() {
      if (held && now() < held.untilMs) return { ok: true, value: held.token }
      underWay ??= renew().finally(() => {
        underWay = null
      })
      return underWay
    },
    invalidate(token) {
      if (held?.token === token) held = null
    },
  }
}

function refused(message: string) {
  return failure('refused', 'CLOUD_TASKS_TOKEN_REJECTED', `the service account was not accepted: ${message}`)
}
