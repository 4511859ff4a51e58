import { type Decision, jitterMs, noPlace } from '../decisions/index.ts'
import type { Delays } from '../ground/delays.ts'
import type { HeldRun } from '../run/leases.ts'
import type { Facts, Reason } from './judge.ts'

/** What this process has seen lately, in memory: signs of how the service does. */
export type Signs = {
  /** A decision was written. */
  decided(decision: Decision): void
  /** An attempt begins. */
  began(run: HeldRun): void
  /** So many jobs were found for which the timer service did not call. */
  lost(jobs: number): void
  /** The codes of what has gone wrong since it was asked for last. */
  news(): Reason['code'][]
  /** Of the last ten minutes. */
  recent(): Pick<Facts, 'skipped' | 'deliveries' | 'starts' | 'lost'>
}

/** What is older counts no longer. */
const windowMs = 600_000
/** Of the starts, so many at most, the newest. */
const startsMax = 500

type Minute = { at: number; skipped: number; delivered: number; failed: number; lost: number }

export function createSigns(delays: Delays): Signs {
  const news = new Set<Reason['code']>()
  let minutes: Minute[] = []
  let starts: { at: number; lateMs: number }[] = []
  let next = 0

  function minute(): Minute {
    const at = Math.floor(delays.now() / 60_000)
    const newest = minutes.at(-1)
    if (newest?.at === at) return newest
    const made = { at, skipped: 0, delivered: 0, failed: 0, lost: 0 }
    minutes = [...minutes.filter((one) => one.at > at - windowMs / 60_000), made]
    return made
  }

  function count(name: 'skipped' | 'failed' | 'lost', code: Reason['code'], by = 1) {
    minute()[name] += by
    news.add(code)
  }

  return {
    decided({ runs, deliveries }) {
      for (const { reason } of runs) if (reason === noPlace) count('skipped', 'SLOTS_SKIPPED')
      for (const { state } of deliveries) {
        if (state === 'delivered') minute().delivered += 1
        if (state === 'failed') count('failed', 'DELIVERIES_FAILING')
      }
    },
    began({ write, look, heardAt }) {
      if (!write.slot || write.attempt !== 1) return
      const { view } = look
      const dueMs = write.slot.getTime() + jitterMs(view.job)
      const lateMs = Math.max(0, view.now.getTime() + (delays.now() - heardAt) - dueMs)
      // the newest ones in place of the oldest
      starts[next] = { at: delays.now(), lateMs }
      next = (next + 1) % startsMax
    },
    lost: (jobs) => count('lost', 'WAKES_LOST', jobs),
    news() {
      const codes = [...news]
      news.clear()
      return codes
    },
    recent() {
      const since = delays.now() - windowMs
      const recent = minutes.filter(({ at }) => at * 60_000 > since - 60_000)
      const sum = (name: 'skipped' | 'delivered' | 'failed' | 'lost') =>
        recent.reduce((total, one) => total + one[name], 0)
      starts = starts.filter(({ at }) => at > since)
      next = Math.min(next, starts.length)
      const lateMs = starts.map(({ lateMs: ms }) => ms).toSorted((a, b) => a - b)
      return {
        ...{ skipped: sum('skipped'), lost: sum('lost') },
        deliveries: { delivered: sum('delivered'), failed: sum('failed') },
        starts: { count: lateMs.length, p99LateMs: lateMs[Math.ceil(lateMs.length * 0.99) - 1] ?? 0 },
      }
    },
  }
}
