import type { ArmOrder, Look, Store } from '../../db/index.ts'
import type { EnsureOptions } from '../arming/arm.ts'
import type { Arming } from '../arming/arming.ts'
import { jitterMs, type Trigger } from '../decisions/index.ts'
import { createChain } from '../delivery/chain.ts'
import { createCourier } from '../delivery/courier.ts'
import { createSend, type SendMessage } from '../delivery/send.ts'
import { AppError, draining } from '../ground/errors.ts'
import type { ErrorCode } from '../ground/errors.ts'
import type { Holds } from '../ground/holds.ts'
import type { Log } from '../ground/log.ts'
import { sleep, type Delays } from '../ground/delays.ts'
import type { Admission, Claimed, Taken, TakenSend } from './admission.ts'
import { type Changes, createChanges } from './change.ts'
import {
  answerOf,
  earlyByMs,
  earlyMs,
  type FireAnswer,
  isOverdue,
  isSpent,
  longestWaitMs,
} from './fire-answer.ts'
import type { FireLimits } from './fire-limits.ts'
import type { HeldRun, Leases } from './leases.ts'
import { createNearWaits, nearestAttemptMs } from './near.ts'
import type { Rest } from './rest.ts'
import type { Runner } from './runner.ts'
import type { Settle, Settled } from './settle.ts'

export type Fire = {
  /**
   * What NAS is answered. The fire is a hint, the store decides: whatever is due of the job is claimed and begun in the
   * background, and before anything but an error is answered NAS has confirmed the job's next wake-up.
   *
   * @throws AppError DRAINING, QUEUE_FULL (nothing was claimed), DATABASE_UNAVAILABLE, ARM_UNCONFIRMED (runs that were
   * claimed goes on)
   */
  fire(request: { jobId: string; fireAt: Date | null }): Promise<FireAnswer>
  /** The same without a caller: for the ticker, a sweep, a boot, and attempts that are due soon. */
  fireDue(jobId: string, trigger?: Trigger): Promise<void>
  /** Changes that clients make: the runs that they start are begun here too. */
  changes: Changes
  /** Running attempts are ended, those that wait are given back, deliveries under way end. */
  drain(): void
}

/** A fire as its route calls it. */
export type FireCall = Pick<Fire, 'fire'> & {
  /** A fire is likely to follow: its token lacks only the proof. Nothing is claimed and nothing is armed. */
  expected(): void
  /** To be called with the code of the error that a fire was answered with, whatever came of it. */
  refused(code: ErrorCode): void
  /** To be called once the 2xx of a fire has been sent. */
  answered(jobId: string): void
}

type FireNeeds = {
  store: Store
  admission: Admission
  arming: Arming
  leases: Leases
  runner: Runner
  settle: Settle
  limits: FireLimits
  /** Tells receivers; jobs that follow are not told by it. */
  send: SendMessage
  callbackUrl: string | null
  rest: Rest
  holds: Holds
  delays: Delays
  log: Log
  isDraining: () => boolean
  /** Told after each settled attempt; nothing waits for it. */
  settled: (jobId: string) => void
  /** A wait that is no longer is waited for here. */
  nearMs: number
}

/** Well before the 15 s after which NAS itself, or a proxy on the way, gives up on us. */
const armBudgetMs = 10_000
const answerBudgetMs = 12_000
const relaxBudgetMs = 20_000

/**
 * The story of a fire, in order: claim, begin, arm, answer; then, in the background: attempt, settle, relax.
 *
 * It is a circle: an end that is settled may begin the next attempt, a delivery or a job that follows. The circle is
 * closed here and nowhere else: whatever is claimed comes back to `begin`.
 */
export function createFire(needs: FireNeeds): Fire {
  const { store, admission, arming, leases, runner, settle, limits } = needs
  const { rest, holds, delays, log, isDraining } = needs
  const { enact } = admission
  const changes = createChanges({ store, enact, begin, arming })
  const startFollower = createChain({ store, changes })
  const courier = createCourier({
    ...{ store, enact, rest, delays, log, arming },
    send: createSend({ store, send: needs.send, startFollower, callbackUrl: needs.callbackUrl }),
  })
  const near = createNearWaits({ holds, delays })

  async function fire(request: { jobId: string; fireAt: Date | null }): Promise<FireAnswer> {
    refuseIfDraining()
    const endsAt = delays.now() + answerBudgetMs
    limits.refuseIfFull()
    const held = limits.hold(request.jobId)
    if (held) {
      await held
      refuseIfDraining()
    }
    arming.begun(request.jobId)
    try {
      return await claimToAnswer(request, endsAt)
    } catch (error) {
      arming.unanswered(request.jobId)
      throw error
    }
  }

  /** `endsAt`: by `delays.now()`. */
  async function claimToAnswer(
    { jobId, fireAt }: { jobId: string; fireAt: Date | null },
    endsAt: number,
  ): Promise<FireAnswer> {
    const claimed = await limits.whileLooking(claim(jobId, fireAt))
    if (claimed.state === 'gone') {
      if (limits.mayCancel()) void arming.cancelOrphan(jobId)
      return { status: 'gone' }
    }
    const { order, atRest } = beginClaimed(claimed)
    await arm(jobId, { order, atRest, budgetMs: armBudget(endsAt) })
    return answerOf(jobId, claimed, fireAt)
  }

  const armBudget = (endsAt: number) => Math.max(0, Math.min(armBudgetMs, endsAt - delays.now()))

  /** A fire that comes a little before its wake time waits for it: armed again it would come at once, again and again. */
  async function claim(jobId: string, fireAt: Date | null): Promise<Claimed> {
    const occasion = {
      trigger: 'fire' as const,
      fireAt,
      earlyMs,
      armSpent: (look: Look) => isSpent(look, fireAt),
    }
    const waitMs = (look: Look) => earlyByMs(look, fireAt)
    const first = await admission.claim(jobId, { ...occasion, looksAgain: (look) => waitMs(look) > 0 })
    if (first.state !== 'nothing_due' || waitMs(first.look) === 0) return first
    await sleep(delays, Math.min(waitMs(first.look), longestWaitMs))
    refuseIfDraining()
    return admission.claim(jobId, occasion)
  }

  /** Returns the arm lease, if it came with the claim, and whether its wake time moves when the work is done. */
  function beginClaimed(claimed: Exclude<Claimed, { state: 'gone' }>) {
    if (claimed.state === 'nothing_due') return { order: null, atRest: true }
    const { order, taken } = claimed
    const atRest = !taken.runs.some((run) => isForSlot(order, run))
    for (const run of taken.runs) run.isAwaited = atRest && order !== null
    begin(taken)
    return { order, atRest }
  }

  /** The claimed work goes on in the background, each under a hold of its own. */
  function begin({ runs, sends }: Taken) {
    for (const send of sends) void holds.during('delivery', deliver(send))
    for (const run of runs) {
      const carried = attemptToRelax(run)
      void holds.during('run', carried)
      // one that waits for its instant or for room ends no moment from now
      if (run.hasBegun) rest.during(run.jobId, carried)
    }
  }

  /** @throws AppError ARM_UNCONFIRMED */
  async function arm(jobId: string, options: EnsureOptions) {
    const state = await arming.arm(jobId, options)
    // a refusal is permanent: the built-in scheduler has taken over, and a retry by NAS would not change that
    if (state !== 'owed') return
    const message = 'The wake-up after this fire is not confirmed yet'
    throw new AppError('ARM_UNCONFIRMED', message, { retryAfterS: 5 })
  }

  async function attemptToRelax(run: HeldRun): Promise<void> {
    try {
      const ended = await runner.attempt(run)
      if (ended === 'lost') return
      const settled = ended === 'unbegun' ? await settle.giveBack(run) : await settle.settle(run, ended)
      if (settled) begin(settled.taken)
      relax(run.jobId, settled)
      needs.settled(run.jobId)
    } catch (error) {
      log.error({ err: error, job: run.jobId, run: run.runId }, 'a run failed with an internal error')
    } finally {
      runner.leave(run)
      leases.release(run)
    }
  }

  /** A delivery has the same end as an attempt. */
  async function deliver(send: TakenSend): Promise<void> {
    const settled = await courier.carry(send)
    if (settled === 'given_up') return
    if (settled) begin(settled.taken)
    relax(send.jobId, settled)
  }

  /**
   * Arms the wake time that an end has moved, by the arm that waits for it if there is one; if the next attempt is near, this process waits for it as well. Also
   * after a stale fence: our own write may have been carried out, and its answer lost.
   */
  function relax(jobId: string, settled: Settled) {
    const waitMs = settled && nearestAttemptMs(settled)
    // with an order the arm goes on that waited for the rest of the job
    if (!settled || (settled.written.isArmOwed && !settled.written.order))
      void holds.during('arm', armLater(jobId, { isUrgent: waitMs !== null }).catch(warn(jobId)))
    if (waitMs !== null && waitMs <= needs.nearMs) near.later(waitMs, () => fireDue(jobId).catch(warn(jobId)))
  }

  /** A wake time that moved to later can wait: what NAS did with the arm before is looked at first. */
  async function armLater(jobId: string, { isUrgent }: { isUrgent: boolean }) {
    if (!isUrgent) await arming.looked(jobId)
    await arming.arm(jobId, { budgetMs: relaxBudgetMs })
  }

  async function fireDue(jobId: string, trigger: Trigger = 'builtin'): Promise<void> {
    if (isDraining()) return
    const claimed = await admission.claim(jobId, { trigger, fireAt: null, earlyMs: 0, armSpent: isOverdue })
    if (claimed.state !== 'claimed') return
    await arming.arm(jobId, { ...beginClaimed(claimed), budgetMs: relaxBudgetMs })
  }

  const warn = (jobId: string) => (error: unknown) =>
    log.warn({ err: error, job: jobId }, 'a job could not be followed up')

  function refuseIfDraining() {
    if (isDraining()) throw draining('fire')
  }

  return {
    fire,
    fireDue,
    changes,
    drain() {
      near.stop()
      leases.drain()
      courier.drain()
    },
  }
}

/** The wake time is that of the next slot already: it does not move when the run has ended, so nothing waits for that. */
function isForSlot(order: ArmOrder | null, { look: { view } }: HeldRun): boolean {
  const { nextSlot } = view.runtime
  return nextSlot !== null && order?.wakeAt?.getTime() === nextSlot.getTime() + jitterMs(view.job)
}
