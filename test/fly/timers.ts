import type { Timers } from '../../src/ground/timers.ts'

/** Time that passes when the test says so. */
export type ManualTimers = Timers & {
  /** Lets `ms` pass, and whatever is due in it happen; promises that it settles are followed up. */
  pass(ms: number): Promise<void>
  waiting(): number
}

export function createManualTimers(): ManualTimers {
  const timers = new Set<{ at: number; work: () => void }>()
  let now = 0
  return {
    now: () => now,
    after(ms, work) {
      const timer = { at: now + ms, work }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
    async pass(ms) {
      const endsAt = now + ms
      for (;;) {
        await new Promise(setImmediate)
        const [next] = [...timers].filter(({ at }) => at <= endsAt).toSorted((a, b) => a.at - b.at)
        if (!next) break
        now = Math.max(now, next.at)
        timers.delete(next)
        next.work()
      }
      now = endsAt
    },
    waiting: () => timers.size,
  }
}
