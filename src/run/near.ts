import type { Holds } from '../ground/holds.ts'
import type { Delays } from '../ground/delays.ts'
import type { Enacted } from './admission.ts'

/** So that an instant waited for here has come by Postgres' clock as well. */
const clockSlackMs = 10

/**
 * How long a wake is awake for its boot and its exit, about. Staying up for longer than that, beyond the idle time, costs
 * more than to leave the wait to NAS.
 */
export const bootMs = 1_000

/** Waits that are short enough for this process; NAS holds the same wake-ups, in case the process dies. */
export type NearWaits = {
  /** Calls `work` in `ms`, under a hold, unless `stop` comes before. */
  later(ms: number, work: () => Promise<void>): void
  /** Ends all waits, and begins no other. */
  stop(): void
}

export function createNearWaits({ holds, delays }: { holds: Holds; delays: Delays }): NearWaits {
  const waits = new Set<() => void>()
  let isStopped = false

  return {
    later(ms, work) {
      if (isStopped) return
      const release = holds.take('timer')
      const forget = delays.after(Math.max(0, ms) + clockSlackMs, () => {
        waits.delete(end)
        void work().finally(release)
      })
      const end = () => {
        forget()
        release()
      }
      waits.add(end)
    },
    stop() {
      isStopped = true
      for (const end of waits) end()
      waits.clear()
    },
  }
}

/**
 * Milliseconds until the next attempt or delivery that this transition left waiting (or found waiting: then at once);
 * null: none waits.
 */
export function nearestAttemptMs({ decision, written }: Enacted): number | null {
  const at = nearestAttempt(decision, written)
  return at && at.getTime() - written.now.getTime()
}

function nearestAttempt(decision: Enacted['decision'], written: Enacted['written']): Date | null {
  if (written.wakeAt && written.wakeAt <= written.now) return written.now
  const attempts = decision.runs.flatMap((run) =>
    run.attemptDueAt && !run.finished ? [run.attemptDueAt] : [],
  )
  const tries = decision.deliveries.flatMap(({ dueAt }) => (dueAt ? [dueAt] : []))
  const waiting = [...attempts, ...tries]
  return waiting.reduce<Date | null>((least, at) => (least && least <= at ? least : at), null)
}
