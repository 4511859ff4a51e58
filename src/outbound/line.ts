import type { Socket } from 'node:net'
import { callbackify } from 'node:util'
import type { Destination } from './connector.ts'

type Fetch = typeof globalThis.fetch
type Dispatcher = NonNullable<RequestInit['dispatcher']>
type Interceptor = Extract<Parameters<Dispatcher['compose']>[0], Function>
type AgentClass = new (options: Record<string, unknown>) => Dispatcher

/** A way to make calls, one connection for each. `close` also cuts whatever of an answer is still on its way. */
export type Line = { fetch: Fetch; close(): Promise<void> }

type Open = (to: Destination) => Promise<Socket>

/** The code of a call that fetch would have sent a second time. */
export const repeatCode = 'CHRONOS_REPEAT'

// Where the fetch inside Node keeps its dispatcher (the symbol is undici's public agreement between its copies).
// Its class is taken from there: the package `undici` would be a second copy of what Node has loaded already.
const dispatcherKey = Symbol.for('undici.globalDispatcher.2')

/** What undici tells a connector. `port` is empty where it is the usual one of the protocol. */
type Target = { hostname: string; port: string; protocol: string }

/**
 * A line whose connections serve one call and are closed with it: a kept one may be dead by the next run, and a
 * POST that meets a dead one cannot be sent again. It has no time limits but the caller's signal (fetch alone
 * gives up after 300 s without headers, or between two pieces of a body) and that of `open`.
 */
export function openLine(open: Open): Line {
  const closing = new AbortController()
  const agent = new (agentClass())({
    headersTimeout: 0,
    bodyTimeout: 0,
    // 0: `connection: close` is sent.
    pipelining: 0,
    allowH2: false,
    maxHeaderSize: 16 * 1024,
    // With NODE_USE_ENV_PROXY the class is one that goes through a proxy, which would look up names for itself.
    noProxy: '*',
    connect: callbackify(({ hostname, port, protocol }: Target) => {
      const isSecure = protocol === 'https:'
      const tls = isSecure && { ALPNProtocols: ['http/1.1'] }
      return open({
        host: hostname,
        port: Number(port || (isSecure ? 443 : 80)),
        tls,
        signal: closing.signal,
      })
    }),
  })
  return {
    fetch: (input, init) => globalThis.fetch(input, { ...init, dispatcher: agent.compose(onlyOnce()) }),
    async close() {
      closing.abort()
      await agent.destroy()
    },
  }
}

/**
 * Fetch answers a 421 by sending the request again (with retries off that would be one call too many), and follows
 * redirects where it is not told otherwise: this lets neither pass.
 */
function onlyOnce(): Interceptor {
  return (dispatch) => {
    let isUsed = false
    return (options, handler) => {
      if (isUsed) throw Object.assign(new Error('a call was to be sent twice'), { code: repeatCode })
      isUsed = true
      return dispatch(options, handler)
    }
  }
}

function agentClass(): AgentClass {
  // The first touch of any of fetch's globals loads it, and sets the dispatcher.
  void globalThis.Response
  const dispatcher: unknown = Reflect.get(globalThis, dispatcherKey)
  if (isObject(dispatcher) && isAgentClass(dispatcher.constructor)) return dispatcher.constructor
  throw new Error(`fetch of Node ${process.version} has no dispatcher at ${String(dispatcherKey)}`)
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function isAgentClass(value: unknown): value is AgentClass {
  return typeof value === 'function'
}
