import { secondOf } from '../../ground/instant.ts'
import {
  type ArmWish,
  createRefusal,
  createStandaloneCalls,
  failure,
  failureOf,
  type Reply,
  send,
  type TimerAnswer,
  type TimerCalls,
} from '../index.ts'

type QstashClientNeeds = {
  /** https, or http to loopback; without a trailing slash. */
  url: string
  token: string
  /** Tries after the first one. */
  retries: number
  userAgent: string
  log: { error(fields: object, message: string): void }
  timeoutMs?: number
}

type Ask = { method: 'post' | 'delete'; path: string; headers?: Record<string, string>; json?: unknown }

/**
 * How long QStash waits before its next try, in milliseconds, for `retried` = 0, 1, 2 …: 10 s, 5 min, 2.5 h, then a day.
 * Its own gaps give up after half an hour with the usual three retries.
 */
const retryDelay = 'min(86400000, 10000 * pow(30, retried))'
/** A fire boots a machine. */
const fireTimeout = '60s'
const maxBytes = 64 * 1024

/**
 * The calls of QStash: publish a message, delete one. A message that replaces another stands beside it, and pending
 * messages cannot be listed.
 */
export function createQstashClient(needs: QstashClientNeeds): TimerCalls {
  const { url, token, retries, userAgent, log, timeoutMs = 15_000 } = needs
  const refusal = createRefusal({ says: 'QStash permanently refuses this service', log })

  const ask = (wish: Ask, signal?: AbortSignal) => refusal.unlessRefused(() => askOnce(wish, signal))

  async function askOnce(
    { method, path, headers = {}, json }: Ask,
    signal?: AbortSignal,
  ): Promise<TimerAnswer<Reply>> {
    const own = { authorization: `Bearer ${token}`, accept: 'application/json', 'user-agent': userAgent }
    const sent = await send({
      service: 'QSTASH',
      ...{
        method,
        url: new URL(`${url}${path}`),
        headers: { ...own, ...headers },
        secrets: [token],
        json,
        timeoutMs,
        maxBytes,
        signal,
      },
    })
    return sent.ok ? judge(sent.value) : sent
  }

  async function arm({ jobId, gen, fireAt, callbackUrl }: ArmWish, signal?: AbortSignal) {
    // whole seconds, and never later than what is wanted: a fire may be early, and its run waits for the instant
    const atS = secondOf(fireAt)
    const headers = {
      'upstash-method': 'POST',
      'upstash-not-before': String(atS),
      'upstash-retries': String(retries),
      'upstash-retry-delay': retryDelay,
      'upstash-timeout': fireTimeout,
      // QStash ignores a message whose id it has seen within ten minutes, also if the first one is gone by then
      'upstash-deduplication-id': `${jobId}-${gen}-${atS}`,
    }
    const json = { job_id: jobId, fire_at: fireAt.toISOString() }
    const path = `/v2/publish/${callbackUrl}/api/cron/fire`
    const answer = await ask({ method: 'post', path, headers, json }, signal)
    if (!answer.ok) return answer
    const { status, body } = answer.value
    const scheduleId = readId(body?.['messageId'])
    if (scheduleId === null)
      return {
        ...failure('transient', 'QSTASH_UNREADABLE', `answered ${status} without a messageId`),
        status,
      }
    // an earlier try did get through; whether its message still waits is not known, so the next try makes another one
    if (body?.['deduplicated'] === true)
      return {
        ...failure('transient', 'QSTASH_DEDUPLICATED', 'ignored the message as a repeated one'),
        status,
      }
    return { ok: true as const, value: { scheduleId } }
  }

  return createStandaloneCalls({
    url,
    arm,
    refusal,
    remove: (scheduleId, signal) =>
      ask({ method: 'delete', path: `/v2/messages/${encodeURIComponent(scheduleId)}` }, signal),
  })
}

function judge(reply: Reply): TimerAnswer<Reply> {
  const { status, body } = reply
  if (status >= 200 && status < 300) return { ok: true, value: reply }
  const meaning = failureOf('QSTASH', reply)
  // a page, or an empty answer, is from something in front of QStash
  const isRefused = (status === 401 || status === 403) && body !== null
  return isRefused ? { ...meaning, ...failure('refused', 'QSTASH_TOKEN_REJECTED', meaning.message) } : meaning
}

/** The id goes into rows and answers: what is no short word is as good as none. */
function readId(value: unknown): string | null {
  return typeof value === 'string' && /^[!-~]{1,200}$/.test(value) ? value : null
}
