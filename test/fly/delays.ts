import type { Delays } from '../../src/ground/delays.ts'

/** Time that passes when the test says so. */
export type ManualDelays = Delays & {
  /** Lets `ms` pass, and whatever is due in it happen; promises that it settles are followed up. */
  pass(ms: number): Promise<void>
  waiting(): number
}

export function createManualDelays(): ManualDelays {
  const delays = new Set<{ at: number; work: () => void }>()
  let now = 0
  return {
    now: () => now,
    after(ms, work) {
      const delay = { at: now + ms, work }
      delays.add(delay)
      return () => void delays.delete(delay)
    },
    async pass(ms) {
      const endsAt = now + ms
      for (;;) {
        await new Promise(setImmediate)
        const [next] = [...delays].filter(({ at }) => at <= endsAt).toSorted((a, b) => a.at - b.at)
        if (!next) break
        now = Math.max(now, next.at)
        delays.delete(next)
        next.work()
      }
      now = endsAt
    },
    waiting: () => delays.size,
  }
}
