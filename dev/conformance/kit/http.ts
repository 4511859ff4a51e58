import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type RequestListener,
  type Server,
} from 'node:http'
import { request as requestTls } from 'node:https'
import type { AddressInfo } from 'node:net'
import { parse } from './json.ts'

export type Answer = { status: number; headers: Headers; text: string; body: unknown }
export type CallOptions = {
  headers?: Record<string, string>
  json?: unknown
  text?: string
  timeoutMs?: number
}

export async function call(method: string, url: string, options: CallOptions = {}): Promise<Answer> {
  const { headers = {}, json, text, timeoutMs = 40_000 } = options
  const body = json === undefined ? text : JSON.stringify(json)
  const response = await fetch(url, {
    method,
    redirect: 'manual',
    headers: {
      'User-Agent': 'chronos-conformance',
      Accept: 'application/json',
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body }),
    signal: AbortSignal.timeout(timeoutMs),
  })
  const answered = await response.text()
  return { status: response.status, headers: response.headers, text: answered, body: parse(answered) }
}

/**
 * Sends the head of a request first, and its body only if there is no answer within `pauseMs`: a service that refuses
 * may close the connection on a body that is under way, and its answer is lost with it. Without `text` a body is
 * announced and never sent.
 */
export function callSlowly(
  url: string,
  { headers, text, pauseMs = 1000, timeoutMs = 5000 }: CallOptions & { pauseMs?: number },
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const send = url.startsWith('https:') ? requestTls : request
    const outgoing = send(url, {
      method: 'POST',
      headers: {
        'User-Agent': 'chronos-conformance',
        'Content-Type': 'application/json',
        ...headers,
        'Content-Length': text === undefined ? 100_000 : Buffer.byteLength(text),
      },
    })
    const timers = [
      setTimeout(() => outgoing.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs),
      ...(text === undefined ? [] : [setTimeout(() => outgoing.end(text), pauseMs)]),
    ]
    outgoing.on('response', (response) => {
      for (const timer of timers) clearTimeout(timer)
      void readText(response).then((answered) => {
        resolve({
          status: response.statusCode ?? 0,
          headers: new Headers(
            Object.entries(response.headers).map(([name, value]) => [name, String(value)]),
          ),
          text: answered,
          body: parse(answered),
        })
        outgoing.destroy()
      }, reject)
    })
    outgoing.on('error', (error) => {
      for (const timer of timers) clearTimeout(timer)
      reject(error)
    })
    outgoing.flushHeaders()
  })
}

async function readText(message: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of message) text += String(chunk)
  return text
}

export type Listening = { url: string; port: number; server: Server; close: () => Promise<void> }

export async function listen(
  handler: RequestListener,
  { port = 0, host = '127.0.0.1' } = {},
): Promise<Listening> {
  const server = createServer(handler)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  const taken = (server.address() as AddressInfo).port
  return {
    url: `http://127.0.0.1:${taken}`,
    port: taken,
    server,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** What came in, kept for the checks. `closedAt` is set if the caller hung up before it was answered. */
export type Incoming = {
  at: number
  method: string
  path: string
  headers: IncomingHttpHeaders
  text: string
  body: unknown
  answeredAt?: number
  closedAt?: number
}

export async function readIncoming(message: IncomingMessage): Promise<Incoming> {
  const text = await readText(message)
  const { method = '', url = '', headers } = message
  return { at: Date.now(), method, path: url, headers, text, body: parse(text) }
}
