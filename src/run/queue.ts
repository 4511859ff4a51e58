import type { Store } from '../../db/index.ts'
import type { Delays } from '../ground/delays.ts'
import type { HeldRun } from './leases.ts'
import { createPlaces } from './places.ts'

/** The places of this process for attempts, and the claimed runs that wait for one. */
export type Queue = {
  /**
   * Takes so many places for runs that are about to be claimed, so that they begin with their claim; false: there are
   * not enough. `unreserve` gives those back that nothing was claimed for.
   */
  reserve(groups: readonly string[], count: number): boolean
  unreserve(groups: readonly string[], count: number): void
  /** The same for one run whose job is not known yet: `name` tells its groups, or `unreserveUnnamed`
   * gives its place back. */
  reserveUnnamed(): boolean
  name(groups: readonly string[]): void
  unreserveUnnamed(): void
  /** Resolves once the run has a place; false: it was aborted before. */
  enter(run: HeldRun): Promise<boolean>
  leave(run: HeldRun): void
  /** `waiting`: runs that are due and have no place. */
  counts(): { running: number; waiting: number }
}

/** Runs of this process. `queued`: claimed and not begun; `waiting`: of these, the ones that are due and have no place. */
export type RunCounts = () => { running: number; queued: number; waiting: number }

type QueueNeeds = {
  store: Pick<Store, 'noteWaiting'>
  owner: string
  maxConcurrent: number
  delays: Delays
  log: { info(fields: object, message: string): void; error(fields: object, message: string): void }
}

/** A claim that has found no place for so long shows that it waits, and is looked at again as often. */
const soonMs = 1_000

export function createQueue({ store, owner, maxConcurrent, delays, log }: QueueNeeds): Queue {
  const places = createPlaces(maxConcurrent)
  /** `since`: `delays.now()` of when the wait began; `isNoted`: Postgres knows. */
  const waiting = new Map<HeldRun, { since: number; isNoted: boolean }>()
  let noting: (() => void) | undefined

  async function enter(run: HeldRun): Promise<boolean> {
    const { signal } = run.abort
    if (!signal.aborted && places.tryTake(run.groups)) return true
    waiting.set(run, { since: delays.now(), isNoted: false })
    noteSoon()
    const hasPlace = await places.take(run.groups, signal)
    waiting.delete(run)
    if (waiting.size === 0) noting?.()
    if (waiting.size === 0) noting = undefined
    if (hasPlace && signal.aborted) places.leave(run.groups)
    return hasPlace && !signal.aborted
  }

  function noteSoon() {
    noting ??= delays.after(soonMs, () => {
      noting = undefined
      void noteWaiting()
    })
  }

  /** A claim without a place must not look as if it were running: waiting runs are recorded in Postgres. */
  async function noteWaiting() {
    const now = delays.now()
    const entries = [...waiting].filter(([, { isNoted }]) => !isNoted)
    const due = entries.filter(([, { since }]) => now - since >= soonMs)
    for (const [, state] of due) state.isNoted = true
    if (due.length < entries.length) noteSoon()
    if (due.length === 0) return
    log.info(
      { runs: due.length, running: places.taken(), waiting: waiting.size },
      'runs are waiting for a place',
    )
    const notes = due.map(([{ runId, fence }, { since }]) => ({
      runId,
      fence,
      forMs: Math.round(now - since),
    }))
    await store.noteWaiting({ notes, owner }).catch((error: unknown) => {
      log.error({ err: error, runs: due.length }, 'waiting runs could not be recorded')
    })
  }

  return {
    reserve(groups, count) {
      for (let taken = 0; taken < count; taken++) {
        if (places.tryTake(groups)) continue
        while (taken-- > 0) places.leave(groups)
        return false
      }
      return true
    },
    unreserve(groups, count) {
      for (let left = count; left > 0; left--) places.leave(groups)
    },
    reserveUnnamed: places.tryTakeUnnamed,
    name: places.name,
    unreserveUnnamed: places.leaveUnnamed,
    enter,
    leave: (run) => places.leave(run.groups),
    counts: () => ({ running: places.taken(), waiting: waiting.size }),
  }
}
