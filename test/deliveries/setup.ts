import { createSender, type Message, type Target } from '../../src/delivery/senders/index.ts'
import { createOutbound } from '../../src/outbound/index.ts'

/** A way out that lets loopback through; every name is this machine's. */
const outbound = createOutbound({
  allow: ['127.0.0.0/8', '::1/128', 'localhost'],
  own: [],
  // a host of the world outside, for what is done for such a one only
  lookup: async () => ['127.0.0.1'],
})

export const runId = '5b1c2f9e-0a6d-4c1e-9d3a-1f2e3d4c5b6a'
export const deliveryId = '0197a5c2-7d1e-7c3a-8f00-0123456789ab'

/** A run of a job that succeeded; `with` changes what a test is about. */
export function messageOf(more: Partial<Message> = {}): Message {
  return {
    id: deliveryId,
    event: 'success',
    job: { id: 'ab12cd34ef56', name: 'report' },
    run: {
      id: runId,
      slot: new Date('2026-06-18T09:00:00Z'),
      state: 'succeeded',
      attempt: 1,
      trigger: 'fire',
      startedAt: new Date('2026-06-18T09:00:00.100Z'),
      finishedAt: new Date('2026-06-18T09:00:01.400Z'),
      durationMs: 1_300,
    },
    output: 'all is well',
    error: null,
    link: null,
    ...more,
  }
}

export function failureOf(more: Partial<Message> = {}): Message {
  const { run } = messageOf()
  const error = { code: 'HTTP_STATUS', message: 'target https://a.example answered 500, expected 2xx' }
  return messageOf({ event: 'failure', run: { ...run, state: 'failed' }, error, output: null, ...more })
}

/** One try, over real sockets. */
export async function send(
  target: Target,
  message: Message = messageOf(),
  { timeoutMs, signal = new AbortController().signal }: { timeoutMs?: number; signal?: AbortSignal } = {},
) {
  const deliverer = createSender({ outbound, userAgent: 'Chronos/test', ...(timeoutMs && { timeoutMs }) })
  return deliverer.send(target, message, signal)
}
