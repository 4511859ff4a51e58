type Fetch = typeof globalThis.fetch
type Dispatcher = NonNullable<RequestInit['dispatcher']>
type Interceptor = Extract<Parameters<Dispatcher['compose']>[0], Function>
type AgentClass = new (options: Record<string, unknown>) => Dispatcher

/** A way to make one call. `close` also cuts whatever of an answer is still on its way. */
export type Line = { fetch: Fetch; close(): Promise<void> }

/** The code of a call that fetch would have sent a second time. */
export const repeatCode = 'CHRONOS_REPEAT'

// A target behind a black hole: the system itself would try for two minutes.
const connectTimeoutMs = 10_000

// Where the fetch inside Node keeps its dispatcher (the symbol is undici's public agreement between its copies).
// Its class is taken from there: the package `undici` would be a second copy of what Node has loaded already.
const dispatcherKey = Symbol.for('undici.globalDispatcher.2')

/**
 * A line whose connections serve one call and are closed with it: a kept one may be dead by the next run, and a
 * POST that meets a dead one cannot be sent again. It has no time limits but the caller's signal (fetch alone
 * gives up after 300 s without headers, or between two pieces of a body) and that of connecting.
 */
export function openLine(): Line {
  const agent = new (agentClass())({
    headersTimeout: 0,
    bodyTimeout: 0,
    // 0: `connection: close` is sent.
    pipelining: 0,
    allowH2: false,
    connect: { timeout: connectTimeoutMs },
  })
  const dispatcher = agent.compose(onlyOnce())
  return {
    fetch: (input, init) => globalThis.fetch(input, { ...init, dispatcher }),
    close: () => agent.destroy(),
  }
}

/** Fetch answers a 421 by sending the request again. With retries off that would be one call too many. */
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
