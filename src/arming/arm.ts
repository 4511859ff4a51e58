import type { ArmLease, ArmOrder, Store } from '../../db/index.ts'
import { leasesOf, orderGoodForMs } from './arm-lease.ts'
import { type Asking, type AskingNeeds, createAsking } from './asking.ts'
import { type Chance, realChance } from '../ground/chance.ts'
import type { Rest } from '../run/rest.ts'
import { sleep, within } from '../ground/delays.ts'

/** Whether the timer has confirmed the job's newest wake time; `refused`: it will never take an arm of ours. */
export type ArmState = 'armed' | 'owed' | 'refused'

export type Armer = Pick<Asking, 'cancelOrphan' | 'lastArmedAt' | 'lastError'> & {
  /**
   * Makes the timer hold the job's wake time, and reports the result after `budgetMs` at most. An arm that is still owed then is
   * tried on, with growing pauses, under a hold. Callers of one job at one time share the work.
   */
  ensure(jobId: string, options: EnsureOptions): Promise<ArmState>
  /** The arm lease for the write that ends the work for which the arm of this job waits (`atRest`); null: none waits. */
  leaseAtRest(jobId: string): ArmLease | null
  /** The order that such a write took, in place of the one that waits. */
  renew(order: ArmOrder): void
  stop(): void
}

/**
 * `order`: the arm lease, if it is taken already. `mostAheadMs`: arm no further ahead, whatever the wake time is.
 * `atRest`: the wake time moves again when the work of this job in this process ends. If it ends within a moment,
 * the timer is asked once, after that, and not twice.
 */
export type EnsureOptions = {
  budgetMs: number
  order?: ArmOrder | null
  mostAheadMs?: number
  atRest?: boolean
}

type ArmerNeeds = AskingNeeds & {
  store: Store
  rest: Rest
  owner: string
  chance?: Chance | undefined
}

/** Long enough for most calls of a web hook to end, short enough for a caller that waits for its 202. */
const momentMs = 1_000
/** Beyond it the process was frozen in the meantime, and takes its order again. */
const frozenMs = 500

/** How one try went; `more`: the wake time moved on meanwhile; `busy`: another process has the arm lease. */
type Step = { state: 'armed' | 'more' | 'busy' | 'refused' | 'failed'; afterMs?: number }

/** `asked`: what the timer may hold of earlier tries, newest first, whether or not Postgres knows of it. */
type Try = { order: ArmOrder | null; nextLease: () => ArmLease; asked: Date[] }
const askedMax = 64

/**
 * The work in progress for a job. A caller that joins it has changed something that its last statement may not have
 * seen (the answer was under way): then it looks again before it reports the job as armed. Until the record of an arm is
 * sent there is no need to: it says whether another arm is owed by then.
 */
type Work = {
  isAskedAgain: boolean
  mostAheadMs: number
  /** The first arm lease of its tries: they inherit from each other. */
  heirOf: string
  state: Promise<ArmState>
}

/** An arm that waits for the rest of its job. */
type Waiting = { nextLease: () => ArmLease; renewed: ArmOrder | null }

const firstPauseMs = 500
const lastPauseMs = 60_000

/** Arming: making the registry that the timer holds agree with the wake times that Postgres wants. */
export function createArmer(needs: ArmerNeeds): Armer {
  const { store, holds, rest, owner, delays, log, chance = realChance } = needs
  const asking = createAsking(needs)
  const underWay = new Map<string, Work>()
  const resting = new Map<string, Waiting>()
  const stopping = new AbortController()

  async function ensure(
    jobId: string,
    { budgetMs, order = null, mostAheadMs = Number.POSITIVE_INFINITY, atRest = false }: EnsureOptions,
  ): Promise<ArmState> {
    let work = order ? undefined : underWay.get(jobId)
    if (work) {
      work.isAskedAgain = true
      work.mostAheadMs = Math.min(work.mostAheadMs, mostAheadMs)
    } else work = takeOn(jobId, { order, mostAheadMs, atRest })
    return within(delays, budgetMs, work.state, 'owed' as const)
  }

  function takeOn(
    jobId: string,
    { order, mostAheadMs, atRest: waits }: Required<Omit<EnsureOptions, 'budgetMs'>>,
  ): Work {
    const { heirOf, nextLease } = leasesOf(owner, order)
    const work: Work = { isAskedAgain: false, mostAheadMs, heirOf, state: Promise.resolve('owed') }
    underWay.set(jobId, work)
    work.state = holds.during('arm', keepTrying(jobId, { order, nextLease, waits }, work))
    return work
  }

  /** In the same step as the decision that it is over, so that no caller joins it afterwards. */
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
    const waiting: Waiting = { nextLease, renewed: null }
    if (order) resting.set(jobId, waiting)
    const beganAt = delays.now()
    const isAtRest = await within(
      delays,
      momentMs,
      rested.then(() => true),
      false,
    )
    const isGood = !isAtRest && delays.now() - beganAt <= momentMs + frozenMs
    if (resting.get(jobId) === waiting) resting.delete(jobId)
    if (waiting.renewed) return waiting.renewed
    if (!order || isGood) return order
    // the arm lease is ours already; the wake time has moved, and with it the instant to ask for
    const askedAt = delays.now()
    const taken = await store.takeArm({ jobId, lease: nextLease() }).catch((error: unknown) => {
      log.warn({ err: error, job: jobId }, 'arming failed with an internal error')
      return null
    })
    return taken?.state === 'order' && delays.now() - askedAt <= orderGoodForMs ? taken.order : null
  }

  async function keepTrying(
    jobId: string,
    { nextLease, ...first }: { order: ArmOrder | null; nextLease: () => ArmLease; waits: boolean },
    work: Work,
  ): Promise<ArmState> {
    let order = first.waits ? await orderAtRest(jobId, first.order, nextLease) : first.order
    let pauseMs = firstPauseMs
    const asked: Date[] = []
    // the holder is done within a call of the timer, or dead until its arm lease ends: ask soon at first, then less
    let waits = 0
    while (!stopping.signal.aborted) {
      work.isAskedAgain = false
      const step: Step = await tryOnce(jobId, { order, nextLease, asked }, work).catch((error: unknown) => {
        log.warn({ err: error, job: jobId }, 'arming failed with an internal error')
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
      await sleep(delays, waitMs, stopping.signal)
    }
    return end(jobId, work, 'owed')
  }

  function renew(order: ArmOrder) {
    const { jobId, holder } = order
    const waiting = resting.get(jobId)
    const work = underWay.get(jobId)
    if (waiting) waiting.renewed = order
    // it has asked with an older order meanwhile, and will take the next one itself
    else if (work && holder.startsWith(work.heirOf)) work.isAskedAgain = true
    else takeOn(jobId, { order, mostAheadMs: Number.POSITIVE_INFINITY, atRest: false })
  }

  async function tryOnce(jobId: string, { order, nextLease, asked }: Try, work: Work): Promise<Step> {
    const askedAt = delays.now()
    const taken = order
      ? { state: 'order' as const, order }
      : await store.takeArm({ jobId, lease: nextLease() })
    if (taken.state !== 'order') return taken
    if (delays.now() - askedAt > orderGoodForMs) return { state: 'busy' }
    const recentArms = [...asked, ...taken.order.recentArms]
    const { mostAheadMs } = work
    const result = await asking.carryOut({ ...taken.order, recentArms }, mostAheadMs)
    if (result.fireAt && result.mayBeHeld) asked.unshift(result.fireAt)
    if (asked.length > askedMax) asked.pop()
    if (work.mostAheadMs === mostAheadMs) work.isAskedAgain = false
    const { isOwed, isWritten } = await store.recordArm(jobId, { ...result, holder: taken.order.holder })
    if (result.outcome === 'armed' && isWritten) asking.dropReplaced(taken.order)
    if (result.outcome !== 'failed') return { state: isOwed ? 'more' : 'armed' }
    return result.isRefused ? { state: 'refused' } : { state: 'failed', afterMs: result.retryAfterMs }
  }

  return {
    ensure,
    leaseAtRest: (jobId) => resting.get(jobId)?.nextLease() ?? null,
    renew,
    cancelOrphan: asking.cancelOrphan,
    lastArmedAt: asking.lastArmedAt,
    lastError: asking.lastError,
    stop: () => stopping.abort(),
  }
}
