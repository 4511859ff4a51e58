import type { Look, Store } from '../../db/index.ts'
import type { RunWrite } from '../decisions/index.ts'
import { createRecent } from '../ground/recent.ts'
import type { Delays } from '../ground/delays.ts'
import { groupsOf } from './places.ts'

export type StopCode = 'CANCELLED' | 'LEASE_LOST' | 'DRAINING'

/** A run whose claim this process won. */
export type HeldRun = {
  jobId: string
  runId: string
  fence: number
  leaseMs: number
  /** `delays.now()` at which the lease ends at the earliest. */
  leaseEndsAt: number
  abort: AbortController
  /** The job as the claim left it, and `delays.now()` of when that was known. */
  look: Look
  heardAt: number
  write: RunWrite
  /** The claim wrote the run as running already, in a place that was reserved for it. */
  hasBegun: boolean
  /** A fire waits for its end before it is answered. */
  isAwaited: boolean
  /** The groups that it shares places with. */
  groups: string[]
}

/**
 * A claim that was won. `askedAt` is `delays.now()` from before the claim was sent: the lease lasts from then at least.
 * `heardAt` is from when its answer was there, so `look.view.now` is not later. `startedBy`: the API key whose call
 * started the run; null: none did.
 */
export type WonClaim = Pick<HeldRun, 'look' | 'write' | 'leaseMs' | 'heardAt' | 'hasBegun'> & {
  askedAt: number
  startedBy: string | null
}

/** The leases of this process: renewed in time, all with one statement, until they are released. */
export type Leases = {
  hold(claim: WonClaim): HeldRun
  release(run: HeldRun): void
  /** As if the claim had never come to this process: the next look at the job finds it again. */
  forget(run: HeldRun): void
  /** True if this claim came to this process before, whatever became of it. */
  hasSeen(runId: string, fence: number): boolean
  /** True while the lease of this attempt has not ended, by this process' own clock. */
  isHeld(run: { id: string; fence: number }): boolean
  /** Aborts an attempt in this process, if it is here. Its outcome is settled by the fence. */
  stop(runId: string, code: StopCode): void
  count(): number
  /** Aborts all that are held, and those that come after. Renews until they are released. */
  drain(): void
}

type LeasesNeeds = {
  store: Pick<Store, 'renew'>
  owner: string
  delays: Delays
  log: { error(fields: object, message: string): void }
}

/** A lease is renewed when a third of it has passed, and often enough for a cancel from elsewhere to be noticed. */
const renewEveryMs = (leaseMs: number) => Math.min(leaseMs / 3, 10_000)

/** Far more claims than can be under way in one process between a lost answer and the next look. */
const seenMax = 50_000

export function createLeases({ store, owner, delays, log }: LeasesNeeds): Leases {
  const held = new Map<string, HeldRun>()
  const seen = createRecent<true>(seenMax)
  let isDraining = false
  let renewal: { dueAt: number; takeBack: () => void } | undefined
  let isRenewing = false

  function hold({ look, write, leaseMs, askedAt, heardAt, hasBegun, startedBy }: WonClaim): HeldRun {
    const run: HeldRun = {
      ...{ jobId: look.authored.id, runId: write.id, fence: write.fence },
      ...{ leaseMs, leaseEndsAt: askedAt + leaseMs, abort: new AbortController() },
      ...{ look, heardAt, write, hasBegun, isAwaited: false, groups: groupsOf(look, startedBy) },
    }
    held.set(run.runId, run)
    seen.note(keyOf(run.runId, run.fence), true)
    renewWithin(renewEveryMs(leaseMs))
    if (isDraining) abortRun(run, 'DRAINING')
    return run
  }

  function release(run: HeldRun) {
    if (held.get(run.runId) === run) held.delete(run.runId)
    if (isDraining) endRenewal()
  }

  /** An attempt that may end by itself while the process goes down needs its lease until then. */
  function endRenewal() {
    if (held.size > 0) return
    renewal?.takeBack()
    renewal = undefined
  }

  /** Sees to it that leases are renewed within `inMs`: a short one brings that forward. */
  function renewWithin(inMs: number) {
    const dueAt = delays.now() + inMs
    // a renewal that is under way is followed by the next one, for all that are held by then
    if (isRenewing || (renewal && renewal.dueAt <= dueAt)) return
    renewal?.takeBack()
    renewal = { dueAt, takeBack: delays.after(inMs, renew) }
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
    const askedAt = delays.now()
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
      else if (renewed || delays.now() >= run.leaseEndsAt) abortRun(run, 'LEASE_LOST')
    }
  }

  function abortRun(run: HeldRun, code: StopCode) {
    if (run.abort.signal.aborted) return
    run.abort.abort(Object.assign(new Error(stopMessages[code]), { code }))
  }

  return {
    hold,
    release,
    forget(run) {
      release(run)
      seen.forget(keyOf(run.runId, run.fence))
    },
    hasSeen: (runId, fence) => seen.get(keyOf(runId, fence)) !== undefined,
    isHeld({ id, fence }) {
      const run = held.get(id)
      return run !== undefined && run.fence === fence && delays.now() < run.leaseEndsAt
    },
    stop(runId, code) {
      const run = held.get(runId)
      if (run) abortRun(run, code)
    },
    count: () => held.size,
    drain() {
      isDraining = true
      for (const run of held.values()) abortRun(run, 'DRAINING')
      endRenewal()
    },
  }
}

/** Why the attempt of a run was aborted; null: it was not. */
export function stopCodeOf({ abort: { signal } }: HeldRun): StopCode | null {
  return signal.aborted ? (signal.reason as { code: StopCode }).code : null
}

const stopMessages: Record<StopCode, string> = {
  CANCELLED: 'the run was cancelled',
  LEASE_LOST: 'the lease of the run was lost',
  DRAINING: 'the process is shutting down',
}

const keyOf = (runId: string, fence: number) => `${runId}:${fence}`
