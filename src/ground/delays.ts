/** How this process waits and measures. Handed in, so that a test can set the time instead of sleeping through it. */
export type Delays = {
  /** Milliseconds from some fixed point; never goes back. For spans only: Postgres' clock decides what is due. */
  now(): number
  /** Calls `work` once after `ms`. Returns a function that cancels it. */
  after(ms: number, work: () => void): () => void
}

export const realDelays: Delays = {
  now: () => performance.now(),
  after(ms, work) {
    const timer = setTimeout(work, ms)
    return () => clearTimeout(timer)
  },
}

/** Resolves after `ms`, or as soon as `signal` aborts. */
export function sleep(delays: Delays, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const done = () => {
      takeBack()
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const takeBack = delays.after(ms, done)
    signal?.addEventListener('abort', done, { once: true })
  })
}

/** The result of `work`, or `fallback` after `ms`; `work` goes on either way. Rejects if `work` does in time. */
export function within<T, F>(delays: Delays, ms: number, work: Promise<T>, fallback: F): Promise<T | F> {
  return new Promise((resolve, reject) => {
    const takeBack = delays.after(ms, () => resolve(fallback))
    work.then(resolve, reject).finally(takeBack)
  })
}
