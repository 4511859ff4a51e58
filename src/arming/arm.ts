import type { ArmLease, ArmOrder, ArmResult, Store } from '../../db/index.ts'
import { type Chance, realChance } from '../ground/chance.ts'
import type { Holds } from '../ground/holds.ts'
import type { NasClient, NasFailure } from '../timers/nas/index.ts'
import type { Rest } from '../run/rest.ts'
import { sleep, type Timers, within } from '../ground/timers.ts'

/** Whether NAS has confirmed the job's newest wake time; `refused`: NAS will never take an arm of ours. */
export type ArmState = 'armed' | 'owed' | 'refused'

export type Armer = {
  /**
   * Makes NAS hold the job's wake time, and says how that went after `budgetMs` at most. What is still owed then is
   * tried on, with growing pauses, under a hold. Callers of one job at one time share the work.
   */
  ensure(jobId: string, options: EnsureOptions): Promise<ArmState>
  /** Tells NAS to forget a job that Postgres no longer knows. Never rejects; what fails is owed until a reconcile. */
  cancelOrphan(jobId: string): Promise<boolean>
  /** `timers.now()` of the last time that NAS confirmed an arm of this job to this process; -Infinity: never. */
  lastArmedAt(jobId: string): number
  /** The last failed call, for people; null: none since the last good one. */
  lastError(): { at: Date; code: string; message: string } | null
  stop(): void
}

/**
 * `order`: the arm lease, if it is taken already. `mostAheadMs`: arm no further ahead, whatever the wake time is.
 * `atRest`: the wake time moves again when the work of this job in this process ends. If it ends within a moment, NAS
 * is asked once, after that, and not twice.
 */
type EnsureOptions = {
  budgetMs: number
  order?: ArmOrder | null
  mostAheadMs?: number
  atRest?: boolean
}

type Parts = {
  store: Store
  rest: Rest
  nas: NasClient
  holds: Holds
  owner: string
  callbackUrl: string
  maxHorizonMs: number
  timers: Timers
  chance?: Chance | undefined
  log: { warn(fields: object, message: string): void }
  onRefused: (failure: NasFailure) => void
}

/**
 * A new arm lease for a process: longer than the 15 s that a call may take and the moment that an order may wait before
 * it, so that two provisions for one job never overlap, and told apart from every other that it takes.
 */
export function armLease(owner: string): ArmLease {
  return leasesOf(owner, null)()
}

/**
 * Leases for the tries of one arm, from the first that took `order` on. Each takes over what an earlier try has taken
 * and never learned of, and goes by another text: a statement of an earlier try that is carried out late must not give
 * back the lease under which a call is made by now.
 */
function leasesOf(owner: string, order: ArmOrder | null): () => ArmLease {
  if (!order) leasesTaken += 1
  const [heirOf = '', tries] = order ? order.holder.split(/(?<=\/)(?=\d+$)/) : [`${owner}/${leasesTaken}/`, 0]
  let taken = Number(tries)
  return () => {
    taken += 1
    return { holder: `${heirOf}${taken}`, heirOf, ms: leaseMs }
  }
}

let leasesTaken = 0
const leaseMs = 21_000

/** An order that is older when it comes to hand is left: its call could outlast the arm lease. */
export const orderGoodForMs = 4_000

/** Long enough for most calls of a web hook to end, short enough for a caller that waits for its 202. */
const momentMs = 1_000
/** Beyond it the process was frozen in the meantime, and takes its order again. */
const frozenMs = 500

/** How one try went; `more`: the wake time moved on meanwhile; `busy`: another process has the arm lease. */
type Step = { state: 'armed' | 'more' | 'busy' | 'refused' | 'failed'; afterMs?: number }

/** `asked`: what NAS may hold of earlier tries, newest first, whether or not Postgres knows of it. */
type Try = { order: ArmOrder | null; nextLease: () => ArmLease; asked: Date[]; mostAheadMs: number }
const askedMax = 64

/**
 * What is being done for a job. Whoever joins it has changed something that its last look at Postgres may not have
 * seen (the answer was under way): then it looks once more before it says that the job is armed.
 */
type Work = { isAskedAgain: boolean; mostAheadMs: number; state: Promise<ArmState> }

/** Only the answers of the last seconds are asked about. */
const armedAtMax = 20_000
const firstPauseMs = 500
const lastPauseMs = 60_000

/** Arming: making the registry that NAS holds agree with the wake times that Postgres wants. */
export function createArmer(parts: Parts): Armer {
  const { store, nas, holds, rest, owner, timers, log, chance = realChance } = parts
  const underWay = new Map<string, Work>()
  const stopping = new AbortController()
  const armedAt = new Map<string, number>()
  let lastError: ReturnType<Armer['lastError']> = null
  let limits: FireAtLimits = { horizonMs: parts.maxHorizonMs, leadMs: 0 }

  async function ensure(
    jobId: string,
    { budgetMs, order = null, mostAheadMs = Number.POSITIVE_INFINITY, atRest = false }: EnsureOptions,
  ): Promise<ArmState> {
    let work = order ? undefined : underWay.get(jobId)
    if (work) {
      work.isAskedAgain = true
      work.mostAheadMs = Math.min(work.mostAheadMs, mostAheadMs)
    } else work = begin(jobId, { order, mostAheadMs, atRest })
    return within(timers, budgetMs, work.state, 'owed' as const)
  }

  function begin(
    jobId: string,
    { order, mostAheadMs, atRest }: Required<Omit<EnsureOptions, 'budgetMs'>>,
  ): Work {
    const work: Work = { isAskedAgain: false, mostAheadMs, state: Promise.resolve('owed') }
    underWay.set(jobId, work)
    work.state = holds.during('arm', keepTrying(jobId, { order, atRest }, work))
    return work
  }

  /** In the same step as the decision that it is over, so that nobody joins it after. */
  function end(jobId: string, work: Work, state: ArmState): ArmState {
    if (underWay.get(jobId) === work) underWay.delete(jobId)
    return state
  }

  /** The order as it is once the job is at rest, or after a moment. */
  async function orderAtRest(
    jobId: string,
    order: ArmOrder | null,
    nextLease: () => ArmLease,
  ): Promise<ArmOrder | null> {
    const rested = rest.of(jobId)
    if (!rested) return order
    const beganAt = timers.now()
    const isAtRest = await within(
      timers,
      momentMs,
      rested.then(() => true),
      false,
    )
    const isGood = !isAtRest && timers.now() - beganAt <= momentMs + frozenMs
    if (!order || isGood) return order
    // the arm lease is ours already; the wake time has moved, and with it what is to be asked for
    const askedAt = timers.now()
    const taken = await store.takeArm({ jobId, lease: nextLease() }).catch((error: unknown) => {
      log.warn({ err: error, job: jobId }, 'arming failed on our side')
      return null
    })
    return taken?.state === 'order' && timers.now() - askedAt <= orderGoodForMs ? taken.order : null
  }

  async function keepTrying(
    jobId: string,
    first: { order: ArmOrder | null; atRest: boolean },
    work: Work,
  ): Promise<ArmState> {
    const nextLease = leasesOf(owner, first.order)
    let order = first.atRest ? await orderAtRest(jobId, first.order, nextLease) : first.order
    let pauseMs = firstPauseMs
    const asked: Date[] = []
    // the holder is done within a call of NAS, or dead until its arm lease ends: ask soon at first, then less
    let waits = 0
    while (!stopping.signal.aborted) {
      work.isAskedAgain = false
      const step: Step = await tryOnce(jobId, {
        order,
        nextLease,
        asked,
        mostAheadMs: work.mostAheadMs,
      }).catch((error: unknown) => {
        log.warn({ err: error, job: jobId }, 'arming failed on our side')
        return { state: 'failed' as const }
      })
      order = null
      if (step.state === 'refused' || (step.state === 'armed' && !work.isAskedAgain)) {
        return end(jobId, work, step.state)
      }
      if (step.state === 'armed' || step.state === 'more') continue
      const waitMs =
        step.state === 'busy'
          ? Math.min(25 * 1.5 ** waits++, 1_000) * (1 + chance.fraction())
          : Math.max(pauseMs, step.afterMs ?? 0)
      if (step.state === 'failed') pauseMs = Math.min(pauseMs * 2, lastPauseMs)
      await sleep(timers, waitMs, stopping.signal)
    }
    return end(jobId, work, 'owed')
  }

  async function tryOnce(jobId: string, { order, nextLease, asked, mostAheadMs }: Try): Promise<Step> {
    const askedAt = timers.now()
    const taken = order
      ? { state: 'order' as const, order }
      : await store.takeArm({ jobId, lease: nextLease() })
    if (taken.state !== 'order') return taken
    if (timers.now() - askedAt > orderGoodForMs) return { state: 'busy' }
    const recentArms = [...asked, ...taken.order.recentArms]
    const result = await carryOut({ ...taken.order, recentArms }, mostAheadMs)
    if (result.fireAt && result.mayBeHeld) asked.unshift(result.fireAt)
    if (asked.length > askedMax) asked.pop()
    const { isOwed } = await store.recordArm(jobId, { ...result, holder: taken.order.holder })
    if (result.outcome !== 'failed') return { state: isOwed ? 'more' : 'armed' }
    return result.isRefused ? { state: 'refused' } : { state: 'failed', afterMs: result.retryAfterMs }
  }

  async function carryOut(
    order: ArmOrder,
    mostAheadMs: number,
  ): Promise<ArmResult & { isRefused?: boolean; retryAfterMs: number }> {
    const startedAt = timers.now()
    const horizonMs = Math.min(limits.horizonMs, mostAheadMs)
    const fireAt = order.wakeAt && freshFireAt(order, { ...limits, horizonMs })
    const answer = fireAt
      ? await nas.provision({ jobId: order.jobId, fireAt, callbackUrl: parts.callbackUrl })
      : await nas.cancel(order.jobId)
    const mayBeHeld = answer.ok || !notHeld.has(answer.code)
    const base = {
      gen: order.gen,
      fireAt,
      mayBeHeld,
      tookMs: Math.round(timers.now() - startedAt),
      retryAfterMs: 0,
    }
    if (answer.ok) {
      lastError = null
      noteArmed(order.jobId)
      return answer.value
        ? { ...base, outcome: 'armed', scheduleId: answer.value.scheduleId }
        : { ...base, outcome: 'cancelled' }
    }
    noteFailure(order.jobId, answer)
    if (answer.kind === 'rejected' && fireAt) limits = tighter(limits, fireAt.getTime() - order.now.getTime())
    const { code, message, kind, retryAfterMs = 0 } = answer
    return { ...base, outcome: 'failed', code, message, isRefused: kind === 'refused', retryAfterMs }
  }

  function noteArmed(jobId: string) {
    armedAt.delete(jobId)
    armedAt.set(jobId, timers.now())
    if (armedAt.size <= armedAtMax) return
    const [oldest = ''] = armedAt.keys()
    armedAt.delete(oldest)
  }

  function noteFailure(jobId: string, failure: NasFailure) {
    lastError = { at: new Date(), code: failure.code, message: failure.message }
    if (failure.kind === 'refused') parts.onRefused(failure)
    else
      log.warn(
        { job: jobId, code: failure.code, status: failure.status },
        `NAS did not arm: ${failure.message}`,
      )
  }

  async function cancelOrphan(jobId: string): Promise<boolean> {
    const answer = await holds.during('arm', nas.cancel(jobId))
    if (!answer.ok) {
      noteFailure(jobId, answer)
      return false
    }
    return store.orphanCancelled(jobId).then(
      () => true,
      () => false,
    )
  }

  return {
    ensure,
    cancelOrphan,
    lastArmedAt: (jobId) => armedAt.get(jobId) ?? Number.NEGATIVE_INFINITY,
    lastError: () => lastError,
    stop: () => stopping.abort(),
  }
}

/** Answers after which NAS surely does not hold what it was asked for. */
const notHeld = new Set<NasFailure['code']>([
  'NAS_UNREACHABLE',
  'NAS_REJECTED',
  'NAS_BUSY',
  'NAS_INVALID_CLIENT',
  'NAS_TOKEN_REJECTED',
])

/** How far ahead NAS takes an arm at most, and how far ahead of now at least. */
export type FireAtLimits = { horizonMs: number; leadMs: number }

/** What to try after NAS refused an instant `aheadMs` from now: nearer if it was far, a little later if it was now. */
function tighter(limits: FireAtLimits, aheadMs: number): FireAtLimits {
  const leastHorizonMs = 3_600_000
  if (aheadMs > leastHorizonMs)
    return { ...limits, horizonMs: Math.max(leastHorizonMs, Math.floor(aheadMs / 2)) }
  return { ...limits, leadMs: Math.min(Math.max(limits.leadMs * 2, 2_000), 120_000) }
}

/**
 * The instant to ask NAS for: the wake time, or the horizon where that is nearer, or now where it has passed. Never
 * one that was used lately, to the second (NAS may cut what is finer): the late acknowledgement of an old one-shot
 * could delete the new one with it. Where it would repeat it moves by whole seconds: to earlier while that is ahead
 * (the wake time is never passed), to later once it is due.
 */
export function freshFireAt(
  order: Pick<ArmOrder, 'wakeAt' | 'recentArms' | 'now'>,
  limits: FireAtLimits,
): Date {
  const nowMs = order.now.getTime()
  const wantedMs = Math.min(order.wakeAt?.getTime() ?? nowMs, nowMs + limits.horizonMs)
  const used = new Set(order.recentArms.map((at) => Math.floor(at.getTime() / 1000)))
  const isUsed = (ms: number) => used.has(Math.floor(ms / 1000))
  let ms = Math.max(wantedMs, nowMs + limits.leadMs)
  while (isUsed(ms) && ms - 1000 > nowMs) ms -= 1000
  while (isUsed(ms)) ms += 1000
  return new Date(ms)
}
