import type { Actions } from '../actions/index.ts'
import type { Look, Store } from '../../db/index.ts'
import type { Outcome, RunWrite } from '../decisions/index.ts'
import { jitterMs } from '../decisions/index.ts'
import type { Holds } from '../ground/holds.ts'
import { createPlaces, groupsOf } from './places.ts'
import type { Rest } from './rest.ts'
import { sleep, type Timers } from '../ground/timers.ts'

/** Runs whose claim was won: carried out under their leases, at most so many at a time, and settled. */
export type Runner = {
  /**
   * Takes the claimed runs of a job over; `look` is the job as the claim left it. `askedAt` is `timers.now()` from
   * before the claim was sent: their leases last from then at least. `heardAt`: from when its answer was there, so
   * `look.view.now` is not later. `hasBegun`: the claim wrote them as running already, in places that were reserved.
   */
  accept(claim: Claim): void
  /**
   * Takes places for so many runs of a job that are about to be claimed, so that they begin with their claim; false:
   * there are not enough. `accept` uses them up, `unreserve` gives those back that nothing was claimed for.
   */
  reserve(wish: PlaceWish): boolean
  unreserve(wish: PlaceWish): void
  /** True where this claim was handed over to this process before, whatever became of it. */
  hasSeen(runId: string, fence: number): boolean
  /** True while the lease of this attempt has not ended, by this process' own clock. */
  isHeld(runId: string, fence: number): boolean
  /** Aborts an attempt in this process, if it is here; what it leads to is settled (or was) by the fence. */
  stop(runId: string, code: StopCode): void
  /** `waiting`: of those queued, the ones that are due and have no place. */
  counts(): { running: number; queued: number; waiting: number }
  /** Stops everything: running attempts are aborted and settled as interrupted, waiting ones are given back. */
  drain(): Promise<void>
}

/** `startedBy`: the API key whose call started the runs; null: none did. */
type PlaceWish = { look: Look; startedBy: string | null; count: number }

export type Claim = {
  look: Look
  startedBy: string | null
  starts: RunWrite[]
  leaseMs: number
  askedAt: number
  heardAt: number
  hasBegun: boolean
}
export type StopCode = 'CANCELLED' | 'LEASE_LOST' | 'DRAINING'

export type HeldRun = {
  jobId: string
  runId: string
  fence: number
  leaseMs: number
  /** `timers.now()` at which the lease ends at the earliest. */
  leaseEndsAt: number
  abort: AbortController
  /** The job as the claim left it, and `timers.now()` of when that was known. */
  look: Look
  heardAt: number
  write: RunWrite
  /** Whom it shares places with. */
  groups: string[]
}

type Parts = {
  store: Store
  actions: Actions
  holds: Holds
  rest: Rest
  owner: string
  maxConcurrent: number
  timers: Timers
  log: { info(fields: object, message: string): void; error(fields: object, message: string): void }
  /** Writes how an attempt ended; resolves when that is done, or when its fence is known to be stale. */
  settle: (held: HeldRun, outcome: Outcome) => Promise<void>
  giveBack: (held: HeldRun) => Promise<void>
  /** Told as an attempt begins; what it gives is called when it has ended. */
  onBegin: (held: HeldRun) => () => void
}

/** A lease is renewed when a third of it has passed, and often enough for a cancel from elsewhere to be noticed. */
const renewEveryMs = (leaseMs: number) => Math.min(leaseMs / 3, 10_000)

/** A claim that has found no place for so long shows that it waits, and is looked at again as often. */
const soonMs = 1_000

/** Far more claims than can be under way in one process between a lost answer and the next look. */
const seenMax = 50_000

export function createRunner(parts: Parts): Runner {
  const { store, actions, holds, rest, owner, maxConcurrent, timers, log } = parts
  const held = new Map<string, HeldRun>()
  const seen = new Set<string>()
  const places = createPlaces(maxConcurrent)
  /** Claimed runs that wait for a place, with `timers.now()` of since when; `isNoted`: Postgres knows. */
  const waiting = new Map<HeldRun, { since: number; isNoted: boolean }>()
  let noting: (() => void) | undefined
  let isDraining = false
  let renewal: { dueAt: number; takeBack: () => void } | undefined
  let isRenewing = false

  function accept({ look, startedBy, starts, leaseMs, askedAt, heardAt, hasBegun }: Claim) {
    const groups = groupsOf(look, startedBy)
    for (const write of starts) {
      const run: HeldRun = {
        jobId: look.authored.id,
        runId: write.id,
        fence: write.fence,
        leaseMs,
        leaseEndsAt: askedAt + leaseMs,
        abort: new AbortController(),
        look,
        heardAt,
        write,
        groups,
      }
      held.set(run.runId, run)
      remember(run)
      renewWithin(renewEveryMs(leaseMs))
      if (isDraining) abortRun(run, 'DRAINING')
      const work = carry(run, hasBegun).catch((error: unknown) => {
        log.error({ err: error, job: run.jobId, run: run.runId }, 'a run broke on our side')
      })
      const carried = work.finally(() => forget(run))
      void holds.during('run', carried)
      // one that waits for its instant or for room ends no moment from now
      if (hasBegun) rest.during(run.jobId, carried)
    }
  }

  function remember({ runId, fence }: HeldRun) {
    seen.add(`${runId}:${fence}`)
    if (seen.size <= seenMax) return
    const [oldest = ''] = seen
    seen.delete(oldest)
  }

  function forget(run: HeldRun) {
    if (held.get(run.runId) === run) held.delete(run.runId)
    if (isDraining) endRenewal()
  }

  /** An attempt that may end by itself while the process goes down needs its lease until then. */
  function endRenewal() {
    if (held.size > 0) return
    renewal?.takeBack()
    renewal = undefined
  }

  async function carry(run: HeldRun, hasBegun: boolean) {
    if (!hasBegun) {
      await untilDue(run)
      if (!(await takePlace(run))) return letGo(run)
    }
    try {
      if (!hasBegun && !(await begin(run))) return
      // a process that was frozen since the claim must not begin an effect that is somebody else's by now
      if (timers.now() >= run.leaseEndsAt) return
      if (run.abort.signal.aborted) return await letGo(run)
      const outcome = await attempt(run)
      if (abortCode(run) !== 'LEASE_LOST') await parts.settle(run, outcome)
    } finally {
      places.leave(run.groups)
    }
  }

  async function begin(run: HeldRun): Promise<boolean> {
    const askedAt = timers.now()
    const hasBegun = await store.begin({ runId: run.runId, fence: run.fence, leaseMs: run.leaseMs, owner })
    if (hasBegun) run.leaseEndsAt = askedAt + run.leaseMs
    return hasBegun
  }

  /** A run that has not begun: what took it from us has settled it already, but for a drain. */
  async function letGo(run: HeldRun) {
    if (abortCode(run) === 'DRAINING') await parts.giveBack(run)
  }

  async function attempt(run: HeldRun): Promise<Outcome> {
    const { authored, view } = run.look
    const { id, name, action, prompt, skills } = authored
    log.info({ job: id, run: run.runId, slot: run.write.slot, attempt: run.write.attempt }, 'run begins')
    const ended = parts.onBegin(run)
    try {
      const job = { id, name, action, prompt, skills, timeoutMs: view.job.policy.timeoutMs }
      const outcome = await actions.run(job, { ...run.write, id: run.runId }, run.abort.signal)
      log.info({ job: id, run: run.runId, state: outcome.state, error: outcome.error?.code }, 'run ends')
      return outcome
    } catch (error) {
      log.error({ err: error, job: id, run: run.runId }, 'the action broke on our side')
      return {
        state: 'failed',
        error: { code: 'INTERNAL', message: 'the action broke on our side; the log has the details' },
      }
    } finally {
      ended()
    }
  }

  /** Waits for the instant of an early claim. Postgres' clock said how far it is; the process' own only measures. */
  function untilDue(run: HeldRun): Promise<void> {
    const { view } = run.look
    const dueAt = run.write.slot ? run.write.slot.getTime() + jitterMs(view.job) : 0
    const waitMs = dueAt - view.now.getTime() - (timers.now() - run.heardAt)
    return waitMs > 0 ? sleep(timers, waitMs, run.abort.signal) : Promise.resolve()
  }

  /** Resolves once the run has a place; false: it was aborted before. */
  async function takePlace(run: HeldRun): Promise<boolean> {
    const { signal } = run.abort
    if (!signal.aborted && places.tryTake(run.groups)) return true
    waiting.set(run, { since: timers.now(), isNoted: false })
    noteSoon()
    const hasPlace = await places.take(run.groups, signal)
    waiting.delete(run)
    if (waiting.size === 0) noting?.()
    if (waiting.size === 0) noting = undefined
    if (hasPlace && signal.aborted) places.leave(run.groups)
    return hasPlace && !signal.aborted
  }

  function noteSoon() {
    noting ??= timers.after(soonMs, () => {
      noting = undefined
      void noteWaiting()
    })
  }

  /** Nobody is to take a claim that has no place for one that is carried out: those that wait are told to Postgres. */
  async function noteWaiting() {
    const now = timers.now()
    const entries = [...waiting].filter(([, { isNoted }]) => !isNoted)
    const due = entries.filter(([, { since }]) => now - since >= soonMs)
    for (const [, state] of due) state.isNoted = true
    if (due.length < entries.length) noteSoon()
    if (due.length === 0) return
    log.info({ runs: due.length, running: places.taken(), waiting: waiting.size }, 'runs wait for a place')
    const notes = due.map(([{ runId, fence }, { since }]) => ({
      runId,
      fence,
      forMs: Math.round(now - since),
    }))
    await store.noteWaiting({ notes, owner }).catch((error: unknown) => {
      log.error({ err: error, runs: due.length }, 'runs that wait for a place cannot be noted')
    })
  }

  /** Sees to it that leases are renewed in `inMs` at the latest: a short one brings that forward. */
  function renewWithin(inMs: number) {
    const dueAt = timers.now() + inMs
    // a renewal that is under way is followed by the next one, for all that are held by then
    if (isRenewing || (renewal && renewal.dueAt <= dueAt)) return
    renewal?.takeBack()
    renewal = { dueAt, takeBack: timers.after(inMs, renew) }
  }

  function renew() {
    renewal = undefined
    isRenewing = true
    void renewAll().finally(() => {
      isRenewing = false
      if (held.size === 0) return
      renewWithin(
        [...held.values()].reduce((least, run) => Math.min(least, renewEveryMs(run.leaseMs)), Infinity),
      )
    })
  }

  /** Three outcomes for each run: renewed; lost (its attempt is aborted); unknown (aborted when its lease must have ended). */
  async function renewAll() {
    const askedAt = timers.now()
    const asked = [...held.values()]
    if (asked.length === 0) return
    const renewed = await store
      .renew({ held: asked.map(({ runId, fence, leaseMs }) => ({ runId, fence, leaseMs })), owner })
      .catch((error: unknown) => {
        log.error({ err: error, runs: asked.length }, 'leases could not be renewed')
        return null
      })
    for (const run of asked) {
      if (renewed?.has(run.runId)) run.leaseEndsAt = askedAt + run.leaseMs
      else if (renewed || timers.now() >= run.leaseEndsAt) abortRun(run, 'LEASE_LOST')
    }
  }

  function abortRun(run: HeldRun, code: StopCode) {
    if (run.abort.signal.aborted) return
    run.abort.abort(Object.assign(new Error(stopMessages[code]), { code }))
  }

  async function drain() {
    isDraining = true
    for (const run of held.values()) abortRun(run, 'DRAINING')
    endRenewal()
  }

  return {
    accept,
    drain,
    reserve({ look, startedBy, count }) {
      const groups = groupsOf(look, startedBy)
      for (let taken = 0; taken < count; taken++) {
        if (places.tryTake(groups)) continue
        while (taken-- > 0) places.leave(groups)
        return false
      }
      return true
    },
    unreserve({ look, startedBy, count }) {
      const groups = groupsOf(look, startedBy)
      for (let left = count; left > 0; left--) places.leave(groups)
    },
    hasSeen: (runId, fence) => seen.has(`${runId}:${fence}`),
    isHeld(runId, fence) {
      const run = held.get(runId)
      return run !== undefined && run.fence === fence && timers.now() < run.leaseEndsAt
    },
    stop(runId, code) {
      const run = held.get(runId)
      if (run) abortRun(run, code)
    },
    // a place may be reserved before its run is here
    counts() {
      const running = places.taken()
      return { running, queued: Math.max(0, held.size - running), waiting: waiting.size }
    },
  }
}

const stopMessages: Record<StopCode, string> = {
  CANCELLED: 'the run was cancelled',
  LEASE_LOST: 'the lease of the run was lost',
  DRAINING: 'the process is going down',
}

function abortCode(run: HeldRun): StopCode | null {
  const { signal } = run.abort
  return signal.aborted ? (signal.reason as { code: StopCode }).code : null
}
