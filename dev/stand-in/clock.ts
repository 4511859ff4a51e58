/** A clock that stands still until it is moved; null: the wall clock. Instants are epoch milliseconds. */
export type StandInClock = {
  now(): number
  /** Calls `work` when the clock has reached the instant; returns a function that takes it back. */
  at(instantMs: number, work: () => void): () => void
  /** Moves a clock that stands still, and begins what is due by then, earliest first. */
  moveTo(instantMs: number): void
  /** Whether something is due and has not begun. */
  isBehind(): boolean
  /** The next instant after now at which something begins; infinite if there is none. */
  nextMs(): number
  stop(): void
}

type Waiting = { instantMs: number; work: () => void; timer?: NodeJS.Timeout }

export function createStandInClock(startMs: number | null): StandInClock {
  const waiting = new Set<Waiting>()
  let nowMs = startMs
  const now = () => nowMs ?? Date.now()
  let isStopped = false

  function begin(one: Waiting) {
    if (!waiting.delete(one)) return
    clearTimeout(one.timer)
    one.work()
  }

  // setTimeout overflows above 24.8 days
  function wait(one: Waiting) {
    const leftMs = one.instantMs - now()
    if (nowMs !== null && leftMs > 0) return
    one.timer = setTimeout(
      () => (one.instantMs > now() ? wait(one) : begin(one)),
      Math.min(Math.max(leftMs, 0), 3_600_000),
    )
  }

  return {
    now,
    at(instantMs, work) {
      if (isStopped) return () => {}
      const one: Waiting = { instantMs, work }
      waiting.add(one)
      wait(one)
      return () => {
        waiting.delete(one)
        clearTimeout(one.timer)
      }
    },
    moveTo(instantMs) {
      nowMs = instantMs
      const due = [...waiting].filter((one) => one.instantMs <= instantMs)
      for (const one of due.toSorted((a, b) => a.instantMs - b.instantMs)) begin(one)
    },
    isBehind: () => [...waiting].some((one) => one.instantMs <= now()),
    nextMs: () => Math.min(...[...waiting].map((one) => one.instantMs).filter((ms) => ms > now())),
    stop() {
      isStopped = true
      for (const { timer } of waiting) clearTimeout(timer)
      waiting.clear()
    },
  }
}
