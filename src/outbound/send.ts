import type { Socket } from 'node:net'
import { bodyOf, readHead, type ReplyHead } from './answer.ts'
import type { Destination } from './connector.ts'
import { CallFailed } from './failed.ts'
import { piecesOf } from './pieces.ts'
import { acceptEncoding, unpacked } from './unpack.ts'

/** One request. A body that can be sent again: no stream. */
export type Asked = {
  url: URL
  method: string
  headers: Iterable<[name: string, value: string]>
  body: string | Uint8Array<ArrayBuffer> | null
}

/** What of an answer is read by this service; the `Response` of fetch is one too. `get` of a header that is not there: null. */
export type Reply = {
  status: number
  headers: { get(name: string): string | null }
  body: (AsyncIterable<Uint8Array> & { cancel(): Promise<void> }) | null
}

/** An answer with all its headers, in order. */
export type WholeReply = Reply & Pick<ReplyHead, 'fields' | 'statusText'>

type Open = (to: Destination) => Promise<Socket>

/**
 * One HTTP/1.1 request over a connection of its own, which is closed with the answer. Nothing is repeated, no redirect
 * is followed, and any port is called. There is no time limit but `signal` and that of `open`.
 *
 * Rejects with the reason of `signal`, at once, and with CallFailed, whose cause is the error of `open` or of the
 * connection. When `signal` aborts later, the body of the answer fails.
 */
export async function sendOver(open: Open, asked: Asked, signal: AbortSignal): Promise<WholeReply> {
  const socket = await opened(open, asked.url, signal)
  const stop = () => void socket.destroy()
  signal.addEventListener('abort', stop, { once: true })
  socket.once('close', () => signal.removeEventListener('abort', stop))
  if (signal.aborted) stop()
  try {
    // head and body in one write
    socket.cork()
    socket.write(headOf(asked), 'latin1')
    if (asked.body !== null && asked.body.length > 0) socket.write(asked.body)
    socket.uncork()
    const pieces = piecesOf(socket)
    const { head, rest } = await readHead(pieces)
    const hasBody = asked.method !== 'HEAD' && head.status !== 204 && head.status !== 304
    if (!hasBody) socket.destroy()
    const body = hasBody ? await unpacked(bodyOf(head, rest, pieces), head.get('content-encoding')) : null
    return {
      ...head,
      headers: { get: head.get },
      body: body && {
        [Symbol.asyncIterator]: () => body[Symbol.asyncIterator](),
        cancel: async () => void socket.destroy(),
      },
    }
  } catch (error) {
    socket.destroy()
    signal.throwIfAborted()
    throw error
  }
}

async function opened(open: Open, url: URL, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted()
  const isSecure = url.protocol === 'https:'
  const port = Number(url.port || (isSecure ? 443 : 80))
  const tls = isSecure && { ALPNProtocols: ['http/1.1'] }
  try {
    return await open({ host: url.hostname, port, tls, signal })
  } catch (error) {
    signal.throwIfAborted()
    throw new CallFailed(error)
  }
}

/** How a message is framed is said here, whatever a caller has set. */
const ofConnection = new Set(
  'connection content-length expect keep-alive te trailer transfer-encoding upgrade'.split(' '),
)

function headOf({ url, method, headers, body }: Asked): string {
  const takesBody = body !== null || ['POST', 'PUT', 'PATCH'].includes(method)
  const bytes = typeof body === 'string' ? Buffer.byteLength(body) : (body?.byteLength ?? 0)
  const given = [...headers].filter(([name]) => !ofConnection.has(name))
  const fields = {
    host: url.host,
    connection: 'close',
    accept: '*/*',
    'accept-encoding': acceptEncoding,
    ...Object.fromEntries(given),
    ...(takesBody ? { 'content-length': String(bytes) } : {}),
  }
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${method} ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join('')}\r\n`
}
