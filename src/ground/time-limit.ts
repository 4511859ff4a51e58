/** A signal of its own, until it is released. */
export type TimeLimit = {
  signal: AbortSignal
  /** Aborts now. */
  stop(reason: unknown): void
  /** Starts the time again. */
  renew(): void
  release(): void
  /** From now on it keeps no process up by itself. */
  unref(): void
}

/**
 * A signal that aborts with `signal`, or with `late()` after `ms` (null: no time is set). Whatever it limits has to
 * release it. Not AbortSignal.any and AbortSignal.timeout: both are held weakly, and neither keeps a process up.
 */
export function withTimeLimit(
  signal: AbortSignal | undefined,
  ms: number | null,
  late: () => Error = () => new Error(`${ms} ms are over`),
): TimeLimit {
  const controller = new AbortController()
  const pass = () => controller.abort(signal?.reason)
  const timer = ms === null ? undefined : setTimeout(() => controller.abort(late()), ms)
  signal?.addEventListener('abort', pass, { once: true })
  if (signal?.aborted) pass()
  return {
    signal: controller.signal,
    stop: (reason) => controller.abort(reason),
    renew: () => void timer?.refresh(),
    unref: () => void timer?.unref(),
    release() {
      clearTimeout(timer)
      signal?.removeEventListener('abort', pass)
    },
  }
}
