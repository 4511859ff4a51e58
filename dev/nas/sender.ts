import { type Arm, type Call, createSender, type FireOutcome, type Store } from '../../relay/core/index.ts'
import { unlimited } from './unlimited.ts'
import type { Log } from './log.ts'
import type { Misbehave } from './misbehave.ts'
import { createPost } from './post.ts'
import type { TokenOverrides, Tokens } from './tokens.ts'

/** The outcome of a fire, with the body of its answer: parsed if it is JSON. */
export type FireAnswer = FireOutcome & { body: unknown }

type SenderNeeds = {
  store: Pick<Store, 'readAgent'>
  tokens: Tokens
  misbehave: Misbehave
  log: Log
  /** Aborted: fires on their way are cut short, and what became of them is not noted. */
  halted: AbortSignal
  timeoutMs: number
  tokenNow: () => number
}

export type Sender = ReturnType<typeof createFireSender>

/** Sends fires as the relay does, and spoils them on the way. A target that cannot be reached is an answer too. */
export function createFireSender(needs: SenderNeeds) {
  const { store, tokens, misbehave, log, halted, timeoutMs, tokenNow } = needs

  async function send(tried: Arm, { copy }: { copy: number }): Promise<FireAnswer> {
    const { agentId, jobId, fireAt, scheduleId, tries } = tried
    const ids = {
      agent: agentId,
      job_id: jobId,
      fire_at: fireAt,
      schedule_id: scheduleId,
      attempt: tries,
      copy,
    }
    log.add({ kind: 'fire', ...ids })
    const startMs = performance.now()
    let body: unknown = null
    const sendTry = createSender({
      rules: unlimited.rules,
      now: tokenNow,
      timeoutMs,
      fireToken: () => tokens.sign(agentId, spoiltToken(tried)),
      async post(call) {
        const answer = await post(misbehave.act('omit_fire_at', tried) ? withoutInstant(call) : call)
        body = answer.body
        return answer
      },
    })
    const agent = await store.readAgent(agentId)
    const outcome = agent ? await sendTry(tried, agent) : noAnswer('there is no such agent')
    const { status, error } = outcome
    const took_ms = Math.round(performance.now() - startMs)
    if (!halted.aborted) log.add({ kind: 'answer', ...ids, status, error, body, took_ms })
    return { ...outcome, body }
  }

  function spoiltToken(tried: Arm): TokenOverrides {
    const names = misbehave.act('token_claims', tried)
      ? { job_id: tried.jobId, fire_at: tried.fireAt }
      : undefined
    const bad = badTokens(tokenNow())[misbehave.act('bad_token', tried)?.word ?? ''] ?? {}
    return names ? { ...bad, claims: { ...names, ...bad.claims } } : bad
  }

  const postText = createPost(halted)

  async function post(call: Call) {
    const { text, ...answer } = await postText(call)
    return { ...answer, body: parsed(text) }
  }

  return {
    send,
    /** Any fire to any URL. */
    async sendAny(url: string, body: unknown, token: string): Promise<FireAnswer> {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
      try {
        const call = { url, headers, body: JSON.stringify(body), timeoutMs }
        return { ...noAnswer(''), error: null, ...(await post(call)) }
      } catch (error) {
        return noAnswer(String(error))
      }
    },
  }
}

/** The answer that did not come. */
export function noAnswer(error: string): FireAnswer {
  return { status: null, error, body: null, retryAfterMs: 0 }
}

function withoutInstant(call: Call): Call {
  const { fire_at: _, ...rest } = JSON.parse(call.body) as Record<string, unknown>
  return { ...call, body: JSON.stringify(rest) }
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
