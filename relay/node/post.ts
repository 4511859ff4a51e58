import { lookup as lookUp } from 'node:dns'
import {
  type ClientRequest,
  type IncomingMessage,
  request as requestPlain,
  type RequestOptions,
} from 'node:http'
import type { LookupFunction } from 'node:net'
import { type AddressRules, hostOf, type Post, refusedAddress } from '../core/index.ts'

/** Of an answer's body. */
const mostBytes = 64 * 1024

/**
 * Posts to addresses that the rules permit: the host is judged by every address that it has at that moment, and the
 * connection goes to one of those. Redirects are answers like any other.
 */
export function createPost(rules: AddressRules): Post {
  const lookup = guardedLookup(rules)
  return async ({ url, headers, body, timeoutMs }) => {
    const request = new URL(url).protocol === 'https:' ? (await import('node:https')).request : requestPlain
    const options: RequestOptions = {
      method: 'POST',
      headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) },
      lookup,
      agent: false,
      signal: AbortSignal.timeout(timeoutMs),
    }
    const answer = await answerOf(request(url, options), body)
    return { status: answer.statusCode ?? 0, retryAfter: answer.headers['retry-after'] ?? null }
  }
}

/** Resolves with the head of the answer. The body is read on, up to a limit, and does not matter. */
function answerOf(request: ClientRequest, body: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.on('error', reject)
    request.on('response', (response) => {
      let bytes = 0
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > mostBytes) response.destroy()
      })
      response.on('error', () => {})
      resolve(response)
    })
    request.end(body)
  })
}

function guardedLookup(rules: AddressRules): LookupFunction {
  return (hostname, options, callback) => {
    lookUp(hostname, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, [])
      const good = found.filter(({ address }) => rules.ofAddress(hostname, address) === null)
      const [first] = good
      if (!first) {
        const why = rules.ofAddress(hostname, found[0]?.address ?? '') ?? 'has no address'
        return callback(refusedAddress(hostname, why), [])
      }
      if (options.all) return callback(null, good)
      return callback(null, first.address, first.family)
    })
  }
}

/** All addresses of a name now. */
export function resolveAll(hostname: string): Promise<string[]> {
  return new Promise((resolve, reject) =>
    lookUp(hostOf(hostname), { all: true }, (error, found) =>
      error ? reject(error) : resolve(found.map(({ address }) => address)),
    ),
  )
}
