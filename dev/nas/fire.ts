import { fireClaims, readRetryAfterMs } from '../../relay/core/index.ts'
import type { Arm } from './arms.ts'
import type { Keys, TokenOverrides } from './keys.ts'
import type { Log } from './log.ts'
import type { Misbehave } from './misbehave.ts'

/** What a fire got. `status` null: no answer came, for the reason in `error`. `body` is parsed if it is JSON. */
export type FireAnswer = { status: number | null; error: string | null; body: unknown; retryAfterMs: number }

type SenderNeeds = {
  keys: Keys
  misbehave: Misbehave
  log: Log
  /** Aborted: fires on their way are cut short, and what became of them is not noted. */
  halted: AbortSignal
  options: { issuer: () => string; timeoutMs: number; tokenNow: () => number }
}

export type Sender = ReturnType<typeof createSender>

/** Signs fires and sends them. A target that cannot be reached is an answer too: nothing is thrown. */
export function createSender({ keys, misbehave, log, halted, options }: SenderNeeds) {
  async function send(arm: Arm, { copy }: { copy: number }): Promise<FireAnswer> {
    const { callbackUrl, agent, jobId, fireAt, scheduleId } = arm
    const ids = { agent, job_id: jobId, fire_at: fireAt, schedule_id: scheduleId, attempt: arm.tries, copy }
    const omitsFireAt = misbehave.act('omit_fire_at', { jobId })
    const body = omitsFireAt ? { job_id: jobId } : { job_id: jobId, fire_at: fireAt }
    log.add({ kind: 'fire', ...ids })
    const startMs = performance.now()
    const answer = await post(`${callbackUrl}/api/cron/fire`, body, await tokenFor(arm))
    const { status, error } = answer
    const took_ms = Math.round(performance.now() - startMs)
    if (!halted.aborted) log.add({ kind: 'answer', ...ids, status, error, body: answer.body, took_ms })
    return answer
  }

  async function tokenFor(arm: Arm): Promise<string> {
    const where = { jobId: arm.jobId }
    const names = misbehave.act('token_claims', where) ? { job_id: arm.jobId, fire_at: arm.fireAt } : {}
    const bad = misbehave.act('bad_token', where)?.word
    return sign(arm.agent, { ...(bad ? badTokens(options.tokenNow())[bad] : {}), extra: names })
  }

  function sign(
    agent: string,
    overrides: TokenOverrides & { extra?: Record<string, unknown> } = {},
  ): Promise<string> {
    const nowMs = options.tokenNow() + (misbehave.look('skew')?.amount ?? 0)
    const { extra, ...rest } = overrides
    return keys.sign({ ...fireClaims({ issuer: options.issuer(), agentId: agent, nowMs }), ...extra }, rest)
  }

  async function post(url: string, body: unknown, token: string): Promise<FireAnswer> {
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          'user-agent': 'local-nas/1',
        },
        body: JSON.stringify(body),
        redirect: 'manual',
        signal: AbortSignal.any([AbortSignal.timeout(options.timeoutMs), halted]),
      })
      const text = await response.text()
      const retryAfterMs = readRetryAfterMs(response.headers.get('retry-after'), Date.now())
      return { status: response.status, error: null, body: parsed(text), retryAfterMs }
    } catch (error) {
      return noAnswer(reasonOf(error))
    }
  }

  return { send, post, sign }
}

/** The answer that did not come. */
export function noAnswer(error: string): FireAnswer {
  return { status: null, error, body: null, retryAfterMs: 0 }
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error
  const code = typeof cause === 'object' && cause && 'code' in cause ? cause.code : undefined
  return typeof code === 'string' ? code : cause instanceof Error ? cause.name : String(cause)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function badTokens(nowMs: number): Record<string, TokenOverrides> {
  const nowS = Math.floor(nowMs / 1_000)
  return {
    expired: { claims: { iat: nowS - 600, nbf: nowS - 600, exp: nowS - 300 } },
    forged: { forged: true },
    wrong_aud: { claims: { aud: 'agent:somebody-else' } },
    wrong_iss: { claims: { iss: 'https://elsewhere.example' } },
    wrong_purpose: { claims: { purpose: 'login' } },
    no_exp: { claims: { exp: undefined } },
    future: { claims: { iat: nowS + 3_600, nbf: nowS + 3_600, exp: nowS + 7_200 } },
    none: { alg: 'none' },
  }
}
