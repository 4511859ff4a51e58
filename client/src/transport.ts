/** Calls of which a second one changes nothing more. */
const idempotent: ReadonlySet<string> = new Set(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE'])
const idempotentPosts = /\/api\/(plan|apply|schedules\/preview)$/
/** Of a proxy before a machine that is starting, too. */
const passing: ReadonlySet<number> = new Set([502, 503, 504])

const firstWaitMs = 250
const longestWaitMs = 8_000
const longestAskedMs = 60_000

export type Manners = {
  fetch: typeof globalThis.fetch
  /** Further tries of a call that failed. */
  retries: number
  /** Of one try, its answer included; a stream is not limited. */
  timeoutMs: number
}

/**
 * `fetch` that repeats what may be repeated: each call that was turned away by the rate limit, and, after an answer that
 * was lost or came from a machine that is starting, each call that changes nothing by being sent twice. A job is made
 * under an `Idempotency-Key`, so that it is made once.
 */
export function transport(manners: Manners): (request: Request) => Promise<Response> {
  return async (request) => {
    nameOnce(request)
    for (let tries = 0; ; tries++) {
      const isLast = tries >= manners.retries
      const answer = await once(manners, isLast ? request : request.clone()).catch((error: unknown) => {
        if (isLast || request.signal.aborted || !isRepeatable(request)) throw error
        return null
      })
      if (answer && (isLast || !isWorthRepeating(answer, request))) return answer
      await answer?.body?.cancel()
      await pause(waitMs(answer, tries), request.signal)
    }
  }
}

function nameOnce({ method, url, headers }: Request): void {
  const isMaking = method === 'POST' && new URL(url).pathname.endsWith('/api/jobs')
  if (isMaking && !headers.has('idempotency-key')) headers.set('idempotency-key', crypto.randomUUID())
}

function once({ fetch, timeoutMs }: Manners, request: Request): Promise<Response> {
  if (request.headers.get('accept') === 'text/event-stream') return fetch(request)
  const signal = AbortSignal.any([request.signal, AbortSignal.timeout(timeoutMs)])
  return fetch(request, { signal })
}

function isRepeatable({ method, url, headers }: Request): boolean {
  if (idempotent.has(method) || headers.has('idempotency-key')) return true
  const { pathname, searchParams } = new URL(url)
  // a plan that was carried out is stale
  return idempotentPosts.test(pathname) && !searchParams.has('plan')
}

function isWorthRepeating({ status }: Response, request: Request): boolean {
  return status === 429 || (passing.has(status) && isRepeatable(request))
}

function waitMs(answer: Response | null, tries: number): number {
  const asked = Number(answer?.headers.get('retry-after') ?? Number.NaN)
  if (asked >= 0) return Math.min(asked * 1_000, longestAskedMs)
  return Math.min(longestWaitMs, firstWaitMs * 2 ** tries) * (0.5 + Math.random() / 2)
}

/** @throws the reason of `signal`, as soon as it is aborted */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      reject(signal?.reason instanceof Error ? signal.reason : new Error('The call was aborted'))
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, ms)
    if (signal?.aborted) stop()
    else signal?.addEventListener('abort', stop, { once: true })
  })
}
