import type { Socket } from 'node:net'
import type { Destination } from './connector.ts'
import type { Asked, Reply, WholeReply } from './send.ts'

/** A way to make calls, one connection for each. `close` also cuts whatever of an answer is still on its way. */
export type Line = {
  /** As `sendOver`: one request, sent once, and its answer. */
  send(asked: Asked, signal: AbortSignal): Promise<Reply>
  /** The same in the form of the global fetch: for ky, by which deliveries are sent, and for handlers. */
  fetch: typeof globalThis.fetch
  close(): Promise<void>
}

type Open = (to: Destination) => Promise<Socket>

/**
 * A line whose connections serve one call and are closed with it: a kept one may be dead by the next run, and a
 * POST that meets a dead one cannot be sent again.
 */
export function openLine(open: Open): Line {
  const closing = new AbortController()

  async function send(asked: Asked, signal: AbortSignal): Promise<WholeReply> {
    const { sendOver } = await import('./send.ts')
    // held strongly, unlike AbortSignal.any
    const stop = new AbortController()
    const pass = () => stop.abort(signal.reason)
    signal.addEventListener('abort', pass, { once: true })
    closing.signal.addEventListener('abort', () => {
      signal.removeEventListener('abort', pass)
      stop.abort(closed)
    })
    if (signal.aborted) pass()
    if (closing.signal.aborted) stop.abort(closed)
    return sendOver(open, asked, stop.signal)
  }

  return {
    send,
    async fetch(input, init) {
      const { fetchOver } = await import('./fetch.ts')
      return fetchOver(send)(input, init)
    },
    async close() {
      // with a reason: without one Node makes a DOMException, with its stack, for each run
      closing.abort(closed)
    },
  }
}

const closed = new Error('the line was closed')
