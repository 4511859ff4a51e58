import { realDelays, type Delays } from './delays.ts'

/** A signal of its own, until it is released. */
export type TimeLimit = {
  signal: AbortSignal
  /** Aborts now. */
  stop(reason: unknown): void
  /** Starts the time again. */
  renew(): void
  release(): void
}

/**
 * A signal that aborts with `signal`, or with `late()` after `ms` (null: no time is set). Whatever it limits has to
 * release it. Not AbortSignal.any and AbortSignal.timeout: both are held weakly, and neither keeps a process up.
 */
export function withTimeLimit(
  signal: AbortSignal | undefined,
  ms: number | null,
  late: () => Error = () => new Error(`${ms} ms are over`),
  delays: Pick<Delays, 'after'> = realDelays,
): TimeLimit {
  const controller = new AbortController()
  const pass = () => controller.abort(signal?.reason)
  const start = () => (ms === null ? undefined : delays.after(ms, () => controller.abort(late())))
  let takeBack = start()
  signal?.addEventListener('abort', pass, { once: true })
  if (signal?.aborted) pass()
  return {
    signal: controller.signal,
    stop: (reason) => controller.abort(reason),
    renew() {
      if (!takeBack || controller.signal.aborted) return
      takeBack()
      takeBack = start()
    },
    release() {
      takeBack?.()
      takeBack = undefined
      signal?.removeEventListener('abort', pass)
    },
  }
}
