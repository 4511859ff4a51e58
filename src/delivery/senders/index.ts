/** The senders of deliveries, one folder for each type of receiver, loaded on first use. */
import type { Socket } from 'node:net'
import { withTimeLimit } from '../../ground/time-limit.ts'
import type { Line } from '../../outbound/index.ts'
import { createRedactor } from '../../redact/index.ts'
import { receiverOf, type Target } from './receivers.ts'
import { secretsIn } from './shared/secrets.ts'
import type { Sent, Message } from './shared/message.ts'
import type { Sending } from './shared/sending.ts'

export type { ReceiverConfig } from './receiver.ts'
export { callsOf, receiverOf, receivers, type Target } from './receivers.ts'
export type { Sent, DeliveryError, Message } from './shared/message.ts'
export { type Place, receiverKit, type ReceiverKit } from './shared/schema.ts'

/** The guarded way out. */
export type Way = {
  line(): Pick<Line, 'fetch' | 'close'>
  connect(to: { host: string; port: number; signal: AbortSignal }): Promise<Socket>
}

export type Sender = {
  /**
   * Makes one try, of 20 s at most, and returns its outcome. The behaviour of a receiver is a value; an exception here is our
   * own bug. A try that was cut off may have arrived: a receiver may see a delivery twice, by the same id.
   *
   * Codes: HTTP_STATUS, SMTP_REFUSED, TIMEOUT, CONNECTION_FAILED, TARGET_FORBIDDEN, TARGET_INVALID (the target or its
   * template cannot be used), and the code of the reason that `signal` aborts with.
   */
  send(target: Target, message: Message, signal: AbortSignal): Promise<Sent>
}

type SenderNeeds = {
  outbound: Way
  userAgent: string
  timeoutMs?: number
  /** Values that no message may show, for any receiver. */
  always?: readonly string[]
  /** Receives the secrets of each receiver, to redact them in logs. */
  note?: (secret: string) => void
}

const usualTimeoutMs = 20_000

export function createSender(needs: SenderNeeds): Sender {
  const { outbound, userAgent, timeoutMs = usualTimeoutMs, always = [], note = () => undefined } = needs
  return {
    async send(target, message, signal) {
      const receiver = receiverOf(target)
      if (!receiver) return unknownType(target)
      const secrets = secretsIn(target, receiver)
      secrets.forEach(note)
      const { text: hide } = createRedactor([...always, ...secrets])
      const limit = withTimeLimit(signal, timeoutMs, () => timeIsOver(timeoutMs), quietTimers)
      const line = outbound.line()
      try {
        const connect: Sending['connect'] = (to) => outbound.connect(to)
        const sending = { line, connect, userAgent, hide, signal: limit.signal }
        const send = await receiver.load()
        return withoutSecrets(await send(sending, target, message), hide)
      } catch (error) {
        const { originOf, troubleOf } = await import('./shared/trouble.ts')
        const named = { to: originOf(receiver.callsOf(target)[0], receiver.type), type: receiver.type }
        const trouble = troubleOf(error, named, limit.signal)
        if (trouble) return withoutSecrets(trouble, hide)
        throw error
      } finally {
        limit.release()
        await line.close()
      }
    },
  }
}

/** The hold of the delivery keeps the process up; its time limit does not. */
const quietTimers = {
  after(ms: number, work: () => void) {
    const timer = setTimeout(work, ms).unref()
    return () => clearTimeout(timer)
  },
}

function timeIsOver(ms: number): Error {
  return Object.assign(new Error(`${ms / 1000} s are over`), { code: 'TIMEOUT' })
}

function unknownType({ type }: { type: unknown }): Sent {
  const message = `unknown delivery type ${JSON.stringify(type)}`
  return { state: 'failed', error: { code: 'TARGET_INVALID', message } }
}

/** A receiver may echo its request: none of its secrets go into a message. */
function withoutSecrets(delivered: Sent, hide: Sending['hide']): Sent {
  if (delivered.state === 'delivered') return delivered
  const { code, message } = delivered.error
  return { ...delivered, error: { code, message: hide(message) } }
}
