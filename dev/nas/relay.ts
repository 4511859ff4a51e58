import type { Arm, Arms } from './arms.ts'
import type { Clock } from './clock.ts'
import { fireClaims, type Keys, type TokenOverrides } from './keys.ts'
import type { Log } from './log.ts'
import type { Misbehave } from './misbehave.ts'
import type { Signal } from './signal.ts'

/** What a fire got. `status` null: no answer came, for the reason in `error`. `body` is parsed where it is JSON. */
export type FireAnswer = { status: number | null; error: string | null; body: unknown; retryAfterMs: number }

/** `retryGapsMs[n]` lies between try n+1 and n+2; after the last gap's try the fire is given up. */
export type RelayOptions = {
  issuer: () => string
  retryGapsMs: number[]
  timeoutMs: number
  tokenNow: () => number
}

type RelayParts = {
  arms: Arms
  clock: Clock
  keys: Keys
  misbehave: Misbehave
  log: Log
  signal: Signal
  /** Aborted: fires on their way are cut short, and what became of them is not noted. */
  halted: AbortSignal
  options: RelayOptions
}

export type Relay = ReturnType<typeof createRelay>

/** Fires what is armed when it is due, and again for as long as no 2xx came. */
export function createRelay({ arms, clock, keys, misbehave, log, signal, halted, options }: RelayParts) {
  const timers = new Map<string, () => void>()
  const held = new Set<() => void>()
  let sending = 0

  const event = (name: string, arm: Arm, detail: string) =>
    log.add({ kind: 'event', event: name, job_id: arm.jobId, detail })

  const unschedule = (arm: Arm) => {
    timers.get(arm.scheduleId)?.()
    timers.delete(arm.scheduleId)
  }

  const drop = (arm: Arm) => {
    unschedule(arm)
    arms.remove(arm)
    signal.changed()
  }

  const schedule = (arm: Arm) => {
    unschedule(arm)
    const where = { jobId: arm.jobId }
    if (arm.state !== 'waiting' || misbehave.look('hold_fires', where)) return
    const amount = (name: 'fire_early' | 'fire_late' | 'skew') => misbehave.look(name, where)?.amount ?? 0
    const dueMs = arm.dueMs ?? arm.fireAtMs - amount('fire_early') + amount('fire_late') - amount('skew')
    timers.set(
      arm.scheduleId,
      clock.at(dueMs, () => void deliver(arm)),
    )
  }

  /** Resolves when another fire was delivered, or `longestMs` after now on the NAS's clock. */
  const turnAfterAnother = (longestMs: number) =>
    new Promise<void>((resolve) => {
      const go = () => {
        takeBack()
        held.delete(go)
        resolve()
      }
      const takeBack = clock.at(clock.now() + longestMs, go)
      held.add(go)
      signal.changed()
    })

  async function deliver(arm: Arm): Promise<FireAnswer> {
    unschedule(arm)
    arm.state = 'relaying'
    arm.tries += 1
    const reorder = misbehave.act('reorder', { jobId: arm.jobId })
    if (reorder) await turnAfterAnother(reorder.amount)
    const copies = misbehave.act('duplicate', { jobId: arm.jobId })?.amount ?? 1
    sending += 1
    signal.changed()
    const answers = await Promise.all(
      Array.from({ length: copies }, (_, index) => send(arm, { copy: index + 1 })),
    )
    sending -= 1
    const answer = answers.find(isTaken) ?? answers[0] ?? noAnswer('nothing was sent')
    if (!halted.aborted) settle(arm, answer)
    for (const go of [...held]) go()
    signal.changed()
    return answer
  }

  function settle(arm: Arm, answer: FireAnswer): void {
    const where = { jobId: arm.jobId }
    if (!arms.has(arm)) return
    if (isTaken(answer) && !misbehave.act('ignore_2xx', where)) acknowledged(arm)
    else retryLater(arm, answer)
  }

  function acknowledged(arm: Arm): void {
    const forget = misbehave.act('forget_on_2xx', { jobId: arm.jobId })
    if (arm.isListed && misbehave.act('keep', { jobId: arm.jobId })) arm.state = 'delivered'
    else arms.remove(arm)
    if (!forget) return
    const forgetRow = () => {
      const row = arms.row(arm.agent, arm.jobId)
      if (!row) return
      drop(row)
      event('forgot', row, `whatever was armed, for ${row.fireAt}`)
    }
    if (forget.amount > 0) clock.at(clock.now() + forget.amount, forgetRow)
    else forgetRow()
  }

  function retryLater(arm: Arm, answer: FireAnswer): void {
    const where = { jobId: arm.jobId }
    if (!arm.isListed && misbehave.act('cancel_retries_on_replace', where)) {
      drop(arm)
      event('dropped', arm, 'its retries, since it was replaced')
      return
    }
    const gapMs = options.retryGapsMs[arm.tries - 1]
    const mostTries = misbehave.look('give_up_after', where)?.amount ?? Number.POSITIVE_INFINITY
    if (gapMs === undefined || arm.tries >= mostTries) {
      drop(arm)
      event('gave_up', arm, `after ${arm.tries} tries`)
      return
    }
    const waitMs = Math.max(gapMs, answer.retryAfterMs)
    arm.state = 'waiting'
    arm.dueMs = clock.now() + waitMs
    event('retry', arm, `in ${waitMs} ms`)
    schedule(arm)
  }

  async function send(arm: Arm, { copy }: { copy: number }): Promise<FireAnswer> {
    const { callbackUrl, agent, jobId, fireAt, scheduleId } = arm
    const ids = { agent, job_id: jobId, fire_at: fireAt, schedule_id: scheduleId, attempt: arm.tries, copy }
    const omitsFireAt = misbehave.act('omit_fire_at', { jobId })
    const body = omitsFireAt ? { job_id: jobId } : { job_id: jobId, fire_at: fireAt }
    log.add({ kind: 'fire', ...ids })
    const startMs = performance.now()
    const answer = await post(callbackUrl, body, await tokenFor(arm))
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
    return keys.sign({ ...fireClaims({ issuer: options.issuer(), agent, nowMs }), ...extra }, rest)
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
      const retryAfterMs = readRetryAfter(response.headers.get('retry-after'))
      return { status: response.status, error: null, body: parsed(text), retryAfterMs }
    } catch (error) {
      return noAnswer(reasonOf(error))
    }
  }

  return {
    schedule,
    drop,
    deliver,
    sign,
    send: (input: { url: string; body: unknown; token: string }) => post(input.url, input.body, input.token),
    /** Plans everything anew: after a start, and when a misbehaviour shifts the plan. */
    scheduleAll: () => arms.all().forEach(schedule),
    isRelaying: (agent: string, jobId: string) =>
      arms.ofJob(agent, jobId).some((arm) => arm.state === 'relaying'),
    /** Nothing is being sent and nothing is due. */
    isIdle: () => sending === 0 && clock.dueCount() === 0,
  }
}

function isTaken({ status }: FireAnswer): boolean {
  return status !== null && status >= 200 && status < 300
}

function noAnswer(error: string): FireAnswer {
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

/** Milliseconds of a Retry-After header: seconds or an HTTP date (RFC 9110, 10.2.3); 0 without one. */
function readRetryAfter(header: string | null): number {
  if (!header) return 0
  const ms = /^\d+$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - Date.now()
  return Number.isFinite(ms) ? Math.max(ms, 0) : 0
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
