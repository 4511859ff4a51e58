/** The senders of deliveries, one file for each kind of receiver, loaded on first use. */
import type { Socket } from 'node:net'
import type { Line } from '../../outbound/index.ts'
import type { Delivered, Message, Target } from './shared/message.ts'
import { createRedactor } from '../../redact/index.ts'
import type { Sending } from './shared/sending.ts'
import { troubleOf } from './shared/trouble.ts'

export { readMailbox } from './email/mailbox.ts'
export type { Delivered, DeliveryError, Message, Target } from './shared/message.ts'
export { templateNames } from './shared/names.ts'

/** The guarded way out. */
export type Way = {
  line(): Pick<Line, 'fetch' | 'close'>
  connect(to: { host: string; port: number; signal: AbortSignal }): Promise<Socket>
}

export type Deliverer = {
  /**
   * Makes one try, of 20 s at most, and says how it ended. What a receiver does is a value; what this throws is our
   * own bug. A try that was cut off may have arrived: a receiver may see a delivery twice, by the same id.
   *
   * Codes: HTTP_STATUS, SMTP_REFUSED, TIMEOUT, CONNECTION_FAILED, TARGET_FORBIDDEN, TARGET_INVALID (the target or its
   * template cannot be used), and the code of the reason that `signal` aborts with.
   */
  send(target: Target, message: Message, signal: AbortSignal): Promise<Delivered>
}

type Parts = {
  outbound: Way
  userAgent: string
  timeoutMs?: number
  /** Values that no message may show, whoever the receiver is. */
  always?: readonly string[]
  /** Told what is secret about each receiver, for whoever logs what this throws. */
  note?: (secret: string) => void
}

const usualTimeoutMs = 20_000

export function createDeliverer(parts: Parts): Deliverer {
  const { outbound, userAgent, timeoutMs = usualTimeoutMs, always = [], note = () => undefined } = parts
  return {
    async send(target, message, signal) {
      const secrets = secretsOf(target)
      secrets.forEach(note)
      const { text: hide } = createRedactor([...always, ...secrets])
      const stop = stopAfter(timeoutMs, signal)
      const line = outbound.line()
      try {
        const connect: Sending['connect'] = (to) => outbound.connect(to)
        const sending = { line, connect, userAgent, hide, signal: stop.signal }
        return withoutSecrets(await deliver(sending, target, message), hide)
      } catch (error) {
        const trouble = troubleOf(error, target, stop.signal)
        if (trouble) return withoutSecrets(trouble, hide)
        throw error
      } finally {
        stop.release()
        await line.close()
      }
    },
  }
}

async function deliver(sending: Sending, target: Target, message: Message): Promise<Delivered> {
  switch (target.type) {
    case 'webhook':
      return (await import('./webhook/send.ts')).sendWebhook(sending, target, message)
    case 'slack':
      return (await import('./slack/send.ts')).sendToSlack(sending, target, message)
    case 'discord':
      return (await import('./discord/send.ts')).sendToDiscord(sending, target, message)
    case 'telegram':
      return (await import('./telegram/send.ts')).sendToTelegram(sending, target, message)
    case 'email':
      return (await import('./email/send.ts')).sendEmail(sending, target, message)
    case 'healthcheck':
      return (await import('./healthcheck/send.ts')).pingHealthcheck(sending, target, message)
    default: {
      const given: { type: unknown } = target satisfies never
      const error = {
        code: 'TARGET_INVALID',
        message: `no delivery of type ${JSON.stringify(given.type)} is known`,
      }
      return { state: 'failed', error }
    }
  }
}

/** Held strongly, unlike AbortSignal.any and AbortSignal.timeout, so that it keeps its word; by itself it keeps no process up. */
function stopAfter(waitMs: number, signal: AbortSignal): { signal: AbortSignal; release(): void } {
  const stop = new AbortController()
  const pass = () => stop.abort(signal.reason)
  const reason = Object.assign(new Error(`${waitMs / 1000} s are over`), { code: 'TIMEOUT' })
  const timer = setTimeout(() => stop.abort(reason), waitMs)
  timer.unref()
  signal.addEventListener('abort', pass, { once: true })
  if (signal.aborted) pass()
  return {
    signal: stop.signal,
    release() {
      clearTimeout(timer)
      signal.removeEventListener('abort', pass)
    },
  }
}

/** A receiver may repeat what it was sent: nothing that is secret about it goes into a message. */
function withoutSecrets(delivered: Delivered, hide: Sending['hide']): Delivered {
  if (delivered.state === 'delivered') return delivered
  const { code, message } = delivered.error
  return { ...delivered, error: { code, message: hide(message) } }
}

/** A URL is one as a whole, unless it says no more than its origin, by which messages name a receiver. */
function secretsOf(target: Target): string[] {
  const texts = 'url' in target && !isOrigin(target.url) ? [target.url] : []
  if (target.type === 'webhook') texts.push(...target.secrets, ...Object.values(target.headers ?? {}))
  if (target.type === 'webhook') texts.push(...target.secrets.map((one) => one.replace(/^whsec_/, '')))
  if (target.type === 'telegram') texts.push(target.bot_token)
  if (target.type === 'email' && target.password !== undefined) texts.push(target.password)
  return texts
}

function isOrigin(text: string): boolean {
  const url = URL.parse(text)
  return url !== null && (url.href === url.origin || url.href === `${url.origin}/`)
}
