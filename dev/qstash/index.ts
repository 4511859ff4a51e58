import { createHash, createHmac, randomBytes } from 'node:crypto'
import { createStandInClock } from '../stand-in/clock.ts'
import { controlsOf } from '../stand-in/controls.ts'
import { createCouriers, type Owed } from '../stand-in/couriers.ts'
import { noFaults } from '../stand-in/faults.ts'
import { type StandInAnswer, type StandInCall, startStandInServer } from '../stand-in/server.ts'
import { evaluate } from './expression.ts'

export type Message = {
  messageId: string
  url: string
  method: string
  body: Buffer
  contentType: string
  notBeforeMs: number
  retries: number
  retryDelay: string | null
  owed: Owed | null
}

type Plan = { maxDelayMs: number; maxRetries: number }
/** `headers` and `body` as they were sent, signature included. */
export type Delivery = {
  messageId: string
  retried: number
  status: number | null
  headers: Record<string, string>
  body: string
}

/** "published in the last 10 minutes", whatever has become of the first message. */
const dedupMs = 600_000
const tokenLifeS = 300

/**
 * A stand-in of QStash, written from Upstash's published documentation of its REST API: publish, get and cancel of a
 * message, delays, retries, deduplication, signatures, the dead letter queue. `time`: the instant at which its
 * clock stands. `hurry`: the gaps between tries are so many times shorter.
 */
export async function startQstash({
  time = null,
  plan = { maxDelayMs: 7 * 86_400_000, maxRetries: 3 },
  hurry = 1,
  changed,
}: {
  time?: Date | null
  plan?: Plan
  hurry?: number
  /** Told after each delivery. */
  changed?: () => void
} = {}) {
  const token = `token-${randomBytes(12).toString('hex')}`
  const newKey = () => `sig_${randomBytes(16).toString('base64url')}`
  let [currentKey, nextKey] = [newKey(), newKey()]
  const clock = createStandInClock(time && time.getTime())
  const faults = noFaults()
  const messages = new Map<string, Message>()
  const dead: Message[] = []
  const seen = new Map<string, { messageId: string; atMs: number }>()
  const calls: StandInCall[] = []
  const deliveries: Delivery[] = []

  const couriers = createCouriers({
    clock,
    faults,
    changed,
    async call({ id, tries }) {
      const message = messages.get(id)
      if (!message) return null
      const headers = headersOf(message, tries - 1)
      const answered = await deliver(message, headers)
      const sent = { headers, body: message.body.toString() }
      deliveries.push({ messageId: id, retried: tries - 1, status: answered?.status ?? null, ...sent })
      return answered
    },
    gapMs({ id, tries }, retryAfter) {
      const message = messages.get(id)
      if (!message || tries > message.retries) return null
      const retried = tries - 1
      if (retryAfter !== null && /^\d+$/.test(retryAfter)) return Number(retryAfter) * 1_000
      if (message.retryDelay) return Math.min(evaluate(message.retryDelay, retried), 86_400_000) / hurry
      return Math.min(86_400, Math.exp(2.5 * tries)) * 1_000
    },
    ended({ id }, isDelivered) {
      const message = messages.get(id)
      messages.delete(id)
      if (message && !isDelivered) dead.push(message)
    },
  })

  function headersOf(message: Message, retried: number) {
    return {
      'content-type': message.contentType,
      'upstash-message-id': message.messageId,
      'upstash-retried': String(retried),
      'upstash-signature': sign(message),
    }
  }

  async function deliver({ url, method, body }: Message, headers: Record<string, string>) {
    try {
      const response = await fetch(url, { method, body: new Uint8Array(body), headers })
      await response.arrayBuffer()
      return { status: response.status, retryAfter: response.headers.get('retry-after') }
    } catch {
      return null
    }
  }

  function sign(
    { url, body }: Pick<Message, 'url' | 'body'>,
    change: Record<string, unknown> = {},
    key = currentKey,
  ) {
    const nowS = Math.floor(Date.now() / 1_000)
    const claims = {
      ...{ iss: 'Upstash', sub: url, exp: nowS + tokenLifeS, nbf: nowS, iat: nowS },
      jti: `jwt_${randomBytes(12).toString('hex')}`,
      // base64url with its padding, as in the documentation's example
      body: createHash('sha256').update(body).digest('base64').replaceAll('+', '-').replaceAll('/', '_'),
      ...change,
    }
    const head = part({ alg: 'HS256', typ: 'JWT' })
    const signed = `${head}.${part(claims)}`
    return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`
  }

  async function answer(call: StandInCall): Promise<StandInAnswer> {
    calls.push(call)
    if (call.headers['authorization'] !== `Bearer ${token}`)
      return { status: 401, body: { error: 'invalid token' } }
    const [, publish] = /^\/v2\/publish\/(.+)$/.exec(call.path) ?? []
    if (call.method === 'POST' && publish) return accept(publish, call)
    const [, messageId = ''] = /^\/v2\/messages\/([^/]+)$/.exec(call.path) ?? []
    const message = messages.get(decodeURIComponent(messageId))
    if (!message) return { status: 404, body: { error: `message ${messageId} not found` } }
    if (call.method === 'GET') return { status: 200, body: shown(message) }
    if (call.method !== 'DELETE') return { status: 405, body: { error: 'method not allowed' } }
    forget(message.messageId)
    return { status: 202, body: 'OK' }
  }

  function accept(url: string, { headers, body }: StandInCall): StandInAnswer {
    const header = (name: string) => headers[`upstash-${name}`] as string | undefined
    if (!/^https?:\/\//.test(url)) return { status: 400, body: { error: 'invalid destination' } }
    const notBefore = header('not-before')
    if (notBefore !== undefined && !/^\d+$/.test(notBefore))
      return { status: 400, body: { error: 'Upstash-Not-Before is no unix timestamp in seconds' } }
    const notBeforeMs = notBefore === undefined ? clock.now() : Number(notBefore) * 1_000
    if (notBeforeMs - clock.now() > plan.maxDelayMs)
      return { status: 412, body: { error: 'quota maxDelay exceeded' } }
    const retries = Number(header('retries') ?? 3)
    if (retries > plan.maxRetries) return { status: 412, body: { error: 'quota maxRetries exceeded' } }
    const retryDelay = header('retry-delay') ?? null
    try {
      if (retryDelay) evaluate(retryDelay, 0)
    } catch {
      return { status: 400, body: { error: 'invalid retry delay' } }
    }
    const dedupId = header('deduplication-id')
    const known = dedupId === undefined ? undefined : seen.get(dedupId)
    if (known && clock.now() - known.atMs < dedupMs)
      return { status: 202, body: { messageId: known.messageId, deduplicated: true } }
    const messageId = `msg_${randomBytes(16).toString('base64url')}`
    if (dedupId !== undefined) seen.set(dedupId, { messageId, atMs: clock.now() })
    const message: Message = {
      ...{ messageId, url, body, notBeforeMs, retries, retryDelay, owed: null },
      method: header('method') ?? 'POST',
      contentType: headers['content-type'] ?? 'application/octet-stream',
    }
    messages.set(messageId, message)
    message.owed = couriers.owe(messageId, notBeforeMs)
    return { status: 201, body: { messageId } }
  }

  function forget(messageId: string) {
    const owed = messages.get(messageId)?.owed
    if (owed) couriers.drop(owed)
    messages.delete(messageId)
  }

  const server = await startStandInServer(faults, answer)
  return {
    url: server.url,
    token,
    faults,
    calls,
    deliveries,
    dead,
    /** What the service is started with. */
    environment: (): Record<string, string> => ({
      CRON_PROVIDER: 'qstash',
      QSTASH_URL: server.url,
      QSTASH_TOKEN: token,
      QSTASH_CURRENT_SIGNING_KEY: currentKey,
      QSTASH_NEXT_SIGNING_KEY: nextKey,
    }),
    /** The messages that wait, or that are being delivered. */
    pending: () => [...messages.values()],
    /** Loses a message, against the rules. */
    forget,
    sign,
    /** As "roll signing keys" of the console: the next key becomes the current one. */
    rollKeys() {
      ;[currentKey, nextKey] = [nextKey, newKey()]
    },
    ...controlsOf({ clock, couriers, server }),
  }
}

function part(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function shown({ messageId, url, method, body, notBeforeMs, retries }: Message) {
  return { messageId, url, method, body: body.toString(), notBefore: notBeforeMs, maxRetries: retries }
}

export type Qstash = Awaited<ReturnType<typeof startQstash>>
