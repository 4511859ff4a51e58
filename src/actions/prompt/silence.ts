/** The reason of a signal that aborted because nothing was heard. */
export class ModelSilent extends Error {
  override readonly name = 'ModelSilent'
}

export type Silence = {
  signal: AbortSignal
  /** A sign of life: the wait begins anew. */
  heard(): void
  release(): void
}

/** A signal that aborts with `signal`, or with ModelSilent once `ms` have passed since `heard` was last called. */
export function silenceAfter(ms: number, signal: AbortSignal): Silence {
  const stop = new AbortController()
  const pass = () => stop.abort(signal.reason)
  const timer = setTimeout(() => stop.abort(new ModelSilent(`nothing was heard for ${ms} ms`)), ms)
  signal.addEventListener('abort', pass, { once: true })
  if (signal.aborted) pass()
  return {
    signal: stop.signal,
    heard: () => void timer.refresh(),
    release() {
      clearTimeout(timer)
      signal.removeEventListener('abort', pass)
    },
  }
}
