import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'

/** How a path answers. `headers` and `body` are used by `status`, `slow` and `stall`. */
export type Behaviour = {
  does: BehaviourName
  /** `status`, `stall`: the status, default 200. `slow`: milliseconds before the answer, default 1000. */
  value?: number
  headers?: Record<string, string>
  body?: string | Uint8Array
  /** After so many calls the path answers 200 again; default: never. */
  times?: number
}

export type BehaviourName = keyof typeof behaviours

type Exchange = { request: IncomingMessage; response: ServerResponse; body: string; behaviour: Behaviour }

const mebibyte = 1024 * 1024
let bomb: Buffer | null = null

export const behaviours = {
  /** Answers at once. */
  status: answer,
  /** Answers later. */
  async slow(exchange: Exchange) {
    await sleep(exchange.behaviour.value ?? 1_000, undefined, { ref: false })
    answer({ ...exchange, behaviour: { ...exchange.behaviour, value: 200 } })
  },
  /** Never answers. */
  hang() {},
  /** Answers `value` (200) and a piece of the body, and then nothing more. */
  stall({ response, behaviour }: Exchange) {
    response.writeHead(behaviour.value ?? 200, behaviour.headers).write(behaviour.body ?? 'the beginning')
  },
  /** Answers 200 with a body that never ends. */
  flood({ response }: Exchange) {
    Readable.from(endless('x'.repeat(64 * 1024))).pipe(response.writeHead(200))
  },
  /** Promises 1000 bytes, sends 4, and closes. */
  lie({ request, response }: Exchange) {
    response.writeHead(200, { 'content-length': '1000' }).write('four', () => request.socket.end())
  },
  /** Answers with bytes that are not HTTP. */
  garbage({ request }: Exchange) {
    request.socket.end('\u0001\u0002 this is not HTTP\r\n\r\n')
  },
  /** Closes the connection instead of an answer. */
  close_early({ request }: Exchange) {
    request.socket.end()
  },
  /** Resets the connection instead of an answer. */
  reset({ request }: Exchange) {
    request.socket.resetAndDestroy()
  },
  /** Redirects to itself, for ever. */
  redirect({ request, response }: Exchange) {
    response.writeHead(302, { location: request.url ?? '/' }).end()
  },
  /** Sends 1 MiB that unpacks to 1 GiB. */
  gzip_bomb({ response }: Exchange) {
    // One stream may be many members, so the same one is sent 64 times.
    bomb ??= Buffer.concat(repeat(gzipSync(Buffer.alloc(16 * mebibyte)), 64))
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb)
  },
  /** Says gzip, and sends something else. */
  gzip_garbage({ response }: Exchange) {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end('this is not gzip')
  },
  /** Sends 100 KB of headers. */
  headers({ response }: Exchange) {
    response.writeHead(200, { 'x-long': 'x'.repeat(100_000) }).end()
  },
  /** Answers with what it was sent. */
  echo({ request, response, body }: Exchange) {
    const { method, url, headers } = request
    const said = JSON.stringify({ method, path: url, headers, body })
    response.writeHead(200, { 'content-type': 'application/json' }).end(said)
  },
} satisfies Record<string, (exchange: Exchange) => void | Promise<void>>

function answer({ response, behaviour: { value = 200, headers, body = 'ok' } }: Exchange) {
  response.writeHead(value, headers).end(body)
}

function repeat(piece: Buffer, times: number): Buffer[] {
  return Array.from({ length: times }, () => piece)
}

function* endless(piece: string) {
  for (;;) yield piece
}
