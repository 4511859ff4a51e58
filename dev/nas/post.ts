import { Agent, type IncomingMessage, request, type RequestOptions } from 'node:http'
import { Agent as TlsAgent, request as requestOverTls } from 'node:https'
import type { Call } from '../../relay/core/index.ts'

export type PostAnswer = { status: number; retryAfter: string | null; text: string }

/**
 * As many as a proxy lets through to two machines (`hard_limit` in fly.toml); what is more waits here, as it would there,
 * and its time goes on. A connection for each of two thousand fires costs more than to send them does.
 */
const limits = { keepAlive: true, maxSockets: 500 }

/** One POST over a kept connection, no redirect followed, until `halted`. Rejects if there is no whole answer in its time. */
export function createPost(halted: AbortSignal): (call: Call) => Promise<PostAnswer> {
  const ways = {
    'http:': { agent: new Agent(limits), ask: request },
    'https:': { agent: new TlsAgent(limits), ask: requestOverTls },
  }
  halted.addEventListener('abort', () => {
    for (const { agent } of Object.values(ways)) agent.destroy()
  })

  return ({ url, headers, body, timeoutMs }) =>
    new Promise((resolve, reject) => {
      const { agent, ask } = ways[new URL(url).protocol === 'https:' ? 'https:' : 'http:']
      const length = { 'content-length': String(Buffer.byteLength(body)) }
      const options: RequestOptions = {
        ...{ method: 'POST', agent, signal: halted, headers: { ...headers, ...length } },
      }
      const call = ask(url, options, (answer) => void read(answer).then(resolve, reject))
      const late = () => call.destroy(new Error(`no answer in ${timeoutMs} ms: aborted due to timeout`))
      const timer = setTimeout(late, timeoutMs)
      call.on('error', reject)
      call.on('close', () => clearTimeout(timer))
      call.end(body)
    })
}

async function read(answer: IncomingMessage): Promise<PostAnswer> {
  const pieces: Buffer[] = []
  for await (const piece of answer as AsyncIterable<Buffer>) pieces.push(piece)
  const { statusCode: status = 0, headers } = answer
  return { status, retryAfter: headers['retry-after'] ?? null, text: Buffer.concat(pieces).toString() }
}
