import { CallFailed } from './failed.ts'
import type { Asked, WholeReply } from './send.ts'
import { bounded } from './whole.ts'

type Send = (asked: Asked, signal: AbortSignal) => Promise<WholeReply>

/**
 * fetch as handlers know it, over `send`: a redirect is an answer like any other, and refused if the caller wants it
 * followed. Rejects as the global one does: with the signal's reason, else with a TypeError whose cause says why.
 */
export function fetchOver(send: Send): typeof globalThis.fetch {
  return async (input, init) => {
    const asked = new Request(input, init)
    const { method, headers, signal } = asked
    // A Request hears the signal that it was made with through a weak reference: once it is collected, while its answer is
    // still read, it would hear nothing any more. So its own signal, which is held until then, holds it.
    signal.addEventListener('abort', () => [input, asked], { once: true })
    const url = new URL(asked.url)
    if (url.protocol !== 'http:' && url.protocol !== 'https:')
      throw new TypeError('fetch failed', { cause: new Error('must be an http or https URL') })
    const body = asked.body === null ? null : new Uint8Array(await asked.arrayBuffer())
    const reply = await send({ url, method, headers, body }, signal).catch((error: unknown) => {
      if (signal.aborted || !(error instanceof CallFailed)) throw error
      throw new TypeError('fetch failed', { cause: error.cause })
    })
    if (isRedirect(reply) && asked.redirect !== 'manual') {
      await reply.body?.cancel()
      throw new TypeError('fetch failed', {
        cause: new Error('redirects are not followed here: pass redirect: "manual"'),
      })
    }
    return responseOf(reply, url)
  }
}

function isRedirect({ status, headers }: WholeReply): boolean {
  return [301, 302, 303, 307, 308].includes(status) && headers.get('location') !== null
}

/** The types of a browser, which the page is checked with, have no `from` yet. */
type Streams = {
  from(body: Iterable<unknown> | AsyncIterable<unknown>): ReadableStream<Uint8Array<ArrayBuffer>>
}

function responseOf({ status, statusText, fields, body }: WholeReply, url: URL): Response {
  const headers = new Headers(fields)
  // the class allows no others, but a server may send them
  const isUsual = status >= 200 && status <= 599
  const mayHaveBody = ![204, 205, 304].includes(status)
  // unlike Readable.toWeb it reads nothing ahead
  const stream = body && mayHaveBody ? (ReadableStream as unknown as Streams).from(body) : null
  const response = new Response(stream, { status: isUsual ? status : 200, statusText, headers })
  if (!isUsual) Object.defineProperty(response, 'status', { value: status })
  return bounded(Object.defineProperty(response, 'url', { value: url.href }))
}
