import type { Store } from '../../db/index.ts'
import { periodMsOf } from '../decisions/index.ts'
import { createRecent } from '../ground/recent.ts'
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
  /**
   * Milliseconds that the next run to get a place which this job needs has waited, if that is more than a run of the job
   * can afford; null: it is not, or none waits.
   */
  tooLongWaitFor(jobId: string): number | null
  /** Milliseconds that the first of the waiting runs waits for, and of its job's period; null: none waits. */
  longestWait(): { ms: number; periodMs: number | null } | null
}

/** Runs of this process. `queued`: claimed and not begun; `waiting`: of these, the ones that are due and have no place. */
export type RunCounts = () => { running: number; queued: number; waiting: number }

type QueueNeeds = {
  store: Pick<Store, 'noteWaiting'>
  owner: string
  maxConcurrent: number
  /** Null: no run may start a program. */
  maxPrograms?: number | null
  delays: Delays
  log: { info(fields: object, message: string): void; error(fields: object, message: string): void }
}

/** A claim that has found no place for so long shows that it waits, and is looked at again as often. */
const soonMs = 1_000

/** A run that waits for its place for longer is soon in the way of its job's next slot: it also takes its time. */
const affordedShare = 0.25

/** What a run can afford to wait at most, whatever its period: another process would have had it long ago. */
const longestAffordedMs = 300_000

/** More jobs than can have waited in a process since any of them was fired last, mostly. */
const rememberedMax = 10_000

export function createQueue(needs: QueueNeeds): Queue {
  const { store, owner, maxConcurrent, maxPrograms = null, delays, log } = needs
  const places = createPlaces(maxConcurrent, maxPrograms)
  /** Of jobs whose runs had to wait: what they share their places with, and how long the next run can afford to. */
  const waited = createRecent<{ groups: string[]; affordedMs: number }>(rememberedMax)
  /** `since`: `delays.now()` of when the wait began; `isNoted`: Postgres knows. */
  const waiting = new Map<HeldRun, { since: number; isNoted: boolean }>()
  let noting: (() => void) | undefined

  async function enter(run: HeldRun): Promise<boolean> {
    const { signal } = run.abort
    if (!signal.aborted && places.tryTake(run.groups)) return true
    const since = delays.now()
    waiting.set(run, { since, isNoted: false })
    waited.note(run.jobId, { groups: run.groups.filter(isLasting), affordedMs: affordedMs(run) })
    noteSoon()
    const hasPlace = await places.take(run.groups, signal, since)
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
    tooLongWaitFor(jobId) {
      const { groups = [], affordedMs: most = longestAffordedMs } = waited.get(jobId) ?? {}
      const since = places.waitsSince(groups)
      const waitMs = since === null ? 0 : delays.now() - since
      return waitMs > most ? waitMs : null
    },
    longestWait() {
      const [first] = waiting
      return first ? { ms: delays.now() - first[1].since, periodMs: periodMsOf(first[0].look.view) } : null
    },
    counts: () => ({ running: places.taken(), waiting: waiting.size }),
  }
}

/** A key that started a run by hand has no part in the slots that follow. */
const isLasting = (group: string) => !group.startsWith('key ')

function affordedMs({ look }: HeldRun): number {
  const periodMs = periodMsOf(look.view)
  return periodMs === null ? longestAffordedMs : Math.min(periodMs * affordedShare, longestAffordedMs)
}
