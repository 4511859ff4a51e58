import type { ArmLease, ArmOrder, AttemptLogText, Look, Store, Written } from '../../db/index.ts'
import { orderGoodForMs } from '../arming/arm-lease.ts'
import {
  attend,
  type Decision,
  type DeliveryWrite,
  jitterMs,
  type Occasion,
  rearm,
  rewritten,
  stopBroken,
  type Trigger,
  viewAfter,
} from '../decisions/index.ts'
import { type Chance, realChance } from '../ground/chance.ts'
import { type Delays, within } from '../ground/delays.ts'
import type { HeldRun, Leases } from './leases.ts'
import { groupsOf } from './places.ts'
import type { Queue } from './queue.ts'
import { createTroubleLog, type TroubleLog } from './trouble-log.ts'

/** `askedAt`: `delays.now()` from before the try was written, so its lease lasts from then at least. */
export type TakenSend = { jobId: string; delivery: DeliveryWrite; askedAt: number }

/** The work that this process has to carry out from now on. The caller hands it to `begin` of src/run/fire.ts. */
export type Taken = { runs: HeldRun[]; sends: TakenSend[] }

/** A decision that was written, and the work that it took for this process. */
export type Enacted = { decision: Decision; written: Written; taken: Taken }

/** The result of a look at a job. `order`: the arm lease, if it came with the claim. */
export type Claimed =
  | { state: 'gone' }
  | { state: 'nothing_due'; look: Look }
  | { state: 'claimed'; look: Look; runIds: string[]; taken: Taken; order: ArmOrder | null }

export type ClaimOccasion = Omit<Occasion, 'newRunId'> & {
  /** The arm that NAS held is used up: NAS has to be asked again, whatever is due. */
  armSpent: (look: Look) => boolean
  /** If nothing is due: the caller will look again before it answers, so nothing is armed yet. */
  looksAgain?: (look: Look) => boolean
}

export type EnactOptions = {
  armSpent?: boolean
  output?: string | null
  attemptLog?: AttemptLogText | null
  /** The API key whose call started the runs; null: none did. */
  startedBy?: string | null
  /** The write takes the arm lease with it: the caller has to carry the order out, or the job waits for its end. */
  armLease?: ArmLease | null
}

export type Admission = {
  /** Takes the due work of a job. */
  claim(jobId: string, occasion: ClaimOccasion): Promise<Claimed>
  /** Writes a decision with this process as the owner of its runs and deliveries; null: the job has changed since the look. */
  enact(look: Look, decision: Decision, options?: EnactOptions): Promise<Enacted | null>
}

type AdmissionNeeds = {
  store: Pick<Store, 'look' | 'transition' | 'claimReady' | 'takeRuns' | 'giveBackRuns'>
  leases: Leases
  queue: Queue
  owner: string
  leaseMs: number
  delays: Delays
  log: TroubleLog
  /** Told each decision that was written. */
  decided?: ((decision: Decision) => void) | undefined
  chance?: Chance | undefined
  /** Null if nothing is armed with NAS (the built-in scheduler triggers). */
  armLease: () => ArmLease | null
}

const maxRounds = 20
/** A turn is a few round trips to Postgres. */
const turnMs = 1_000

/**
 * The one admission: whatever advances a job (a fire, the ticker, a boot, a manual run) does it through here.
 *
 * Look, decide, write by compare-and-set; if another caller was faster, look again. Of any number of callers, in any
 * number of processes, one claims a slot; a claim whose answer was lost is found again by its owner and run.
 */
export function createAdmission(needs: AdmissionNeeds): Admission {
  const { store, leases, queue, owner, leaseMs, delays, log, chance = realChance } = needs
  const warnOfTrouble = createTroubleLog(log)
  /** Claims that are being written right now, by run and fence: how many, as two looks may lead to the same one. */
  const awaited = new Map<string, number>()
  /** The same for claims that were decided beforehand, by run. */
  const awaitedReady = new Set<string>()
  /** By job: the last one whose turn it is to look at it, or that waits for its turn. */
  const looking = new Map<string, Promise<void>>()
  const isKnown = (run: { id: string; fence: number }) =>
    awaited.has(keyOf(run)) || awaitedReady.has(run.id) || leases.hasSeen(run.id, run.fence)

  async function enact(
    look: Look,
    decision: Decision,
    { startedBy = null, ...how }: EnactOptions = {},
  ): Promise<Enacted | null> {
    const { armSpent = false, output = null, attemptLog = null, armLease = null } = how
    const wanted = runsToCount(look, decision)
    // not granted: the next look finds the minute used up
    const minute = wanted && (await store.takeRuns(wanted))
    if (wanted && !minute) return null
    const askedAt = delays.now()
    const jobLeaseMs = look.view.job.policy.leaseMs ?? leaseMs
    const groups = groupsOf(look, startedBy)
    const places = decision.starts.every((run) => isDue(look, run)) ? decision.starts.length : 0
    const begins = places > 0 && queue.reserve(groups, places)
    const writing = { owner, leaseMs: jobLeaseMs, begins, armSpent, armLease, output, attemptLog }
    let used = 0
    expect(decision, 1)
    try {
      const written = await store.transition(look.view, decision, writing)
      if (!written) {
        if (wanted && minute) await store.giveBackRuns({ ...wanted, minute })
        return null
      }
      // a process that was frozen meanwhile must not carry out an order that is another's by now
      if (delays.now() - askedAt > orderGoodForMs) written.order = null
      warnOfTrouble(look, decision)
      needs.decided?.(decision)
      // first: the same decision may have begun the next attempt of a run whose last one it ended
      for (const runId of decision.stops) leases.stop(runId, 'CANCELLED')
      const sends = decision.sends.map((delivery) => ({ jobId: look.authored.id, delivery, askedAt }))
      const starts = decision.starts.filter((run) => run.seenFence !== null || written.inserted.has(run.id))
      used = starts.length
      const claimed = { ...look, view: viewAfter(look.view, decision, { ...written, owner }) }
      const won = { look: claimed, leaseMs: jobLeaseMs, askedAt, heardAt: delays.now(), hasBegun: begins }
      const runs = starts.map((write) => leases.hold({ ...won, write, startedBy }))
      return { decision, written, taken: { runs, sends } }
    } finally {
      // only now: a look that is answered in the same breath must find the run awaited or held, or it adopts it
      expect(decision, -1)
      if (begins) queue.unreserve(groups, places - used)
    }
  }

  function expect({ starts }: Decision, change: 1 | -1) {
    for (const run of starts) {
      const count = (awaited.get(keyOf(run)) ?? 0) + change
      if (count > 0) awaited.set(keyOf(run), count)
      else awaited.delete(keyOf(run))
    }
  }

  async function claim(jobId: string, occasion: ClaimOccasion): Promise<Claimed> {
    return (await claimReady(jobId, occasion.trigger)) ?? claimLooking(jobId, occasion)
  }

  /** The usual claim, in one statement. Null: there is something to be decided, or nothing to be done. */
  async function claimReady(jobId: string, trigger: Trigger): Promise<Claimed | null> {
    const runId = chance.uuid()
    const askedAt = delays.now()
    const begins = queue.reserveUnnamed()
    let hasPlace = false
    awaitedReady.add(runId)
    try {
      const wish = { jobId, runId, trigger, owner, leaseMs, begins, armLease: needs.armLease() }
      const claimed = await store.claimReady(wish)
      if (!claimed) return null
      const { look, run: write, written } = claimed
      if (delays.now() - askedAt > orderGoodForMs) written.order = null
      const jobLeaseMs = look.view.job.policy.leaseMs ?? leaseMs
      const won = { look, write, leaseMs: jobLeaseMs, askedAt, heardAt: delays.now(), hasBegun: begins }
      const runs = written.inserted.has(runId) ? [leases.hold({ ...won, startedBy: null })] : []
      hasPlace = begins && runs.length > 0
      if (hasPlace) for (const { groups } of runs) queue.name(groups)
      return { state: 'claimed', look, runIds: [runId], taken: { runs, sends: [] }, order: written.order }
    } finally {
      awaitedReady.delete(runId)
      if (begins && !hasPlace) queue.unreserveUnnamed()
    }
  }

  /**
   * Callers for one job take turns, but for one that takes long: of two copies of a fire that look at the same time one loses,
   * and until it has given back the run that it counted for its project, another job's would find the minute used up.
   */
  async function claimLooking(jobId: string, occasion: ClaimOccasion): Promise<Claimed> {
    const adopted: HeldRun[] = []
    let isHandedOn = false
    const before = looking.get(jobId)
    const turn = Promise.withResolvers<void>()
    looking.set(jobId, turn.promise)
    try {
      if (before) await within(delays, turnMs, before, undefined)
      const claimed = await claimOrAdopt(jobId, occasion, adopted)
      isHandedOn = claimed.state === 'claimed'
      return claimed
    } finally {
      if (!isHandedOn) for (const run of adopted) leases.forget(run)
      turn.resolve()
      if (looking.get(jobId) === turn.promise) looking.delete(jobId)
    }
  }

  async function claimOrAdopt(
    jobId: string,
    { armSpent, looksAgain = () => false, ...occasion }: ClaimOccasion,
    adopted: HeldRun[],
  ): Promise<Claimed> {
    let firstGen: number | null = null
    for (let round = 0; round < maxRounds; round++) {
      // a new one each time: the claim of the round before may have been carried out, and its answer lost
      const newRunId = chance.uuid()
      const askedAt = delays.now()
      const look = await store.look(jobId)
      if (!look) return { state: 'gone' }
      adopted.push(...adopt(look, askedAt))
      firstGen ??= look.registry.wakeGen
      // if another caller has asked for a new arm since we came, that one is not used up
      const isSpent = look.registry.wakeGen === firstGen && armSpent(look)
      const rearms = isSpent && (adopted.length > 0 || !looksAgain(look))
      const decision =
        decide(look, { ...occasion, newRunId: () => newRunId }) ?? (rearms ? rearm(look.view) : null)
      const adoptedIds = adopted.map((run) => run.runId)
      if (!decision && adopted.length === 0) return { state: 'nothing_due', look }
      if (!decision) {
        const taken = { runs: adopted, sends: [] }
        return { state: 'claimed', look, runIds: adoptedIds, taken, order: null }
      }
      const enacted = await enact(look, decision, { armSpent: isSpent, armLease: needs.armLease() })
      if (!enacted) continue
      const runIds = [...decision.starts.map((run) => run.id), ...adoptedIds]
      const { runs, sends } = enacted.taken
      const taken = { runs: [...adopted, ...runs], sends }
      return { state: 'claimed', look, runIds, taken, order: enacted.written.order }
    }
    throw new Error(`job ${jobId} changed ${maxRounds} times during one look`)
  }

  function decide(look: Look, occasion: Occasion): Decision | null {
    try {
      return attend(look.view, occasion)
    } catch (error) {
      log.error(
        { err: error, job: look.authored.id },
        'the schedule of a job could not be evaluated; the job was stopped',
      )
      return stopBroken(
        look.view,
        'INTERNAL: the schedule could not be evaluated. Change it, or resume the job.',
      )
    }
  }

  /**
   * Claims of this process whose answer was lost on the way: the row says that they are ours, but they never came here
   * and no answer is awaited. They begin by a statement of their own, which fails if the lease has gone.
   */
  function adopt(look: Look, askedAt: number): HeldRun[] {
    const { view } = look
    const ours = view.live.filter((run) => run.owner === owner && run.leaseUntil && !isKnown(run))
    return ours.flatMap((run) => {
      const leaseLeftMs = (run.leaseUntil as Date).getTime() - view.now.getTime()
      const won = { look, leaseMs: leaseLeftMs, askedAt, heardAt: delays.now(), hasBegun: false }
      return leaseLeftMs > 0
        ? [leases.hold({ ...won, write: { ...rewritten(run), leased: true }, startedBy: null })]
        : []
    })
  }

  return { claim, enact }
}

const keyOf = (run: { id: string; fence: number }) => `${run.id}:${run.fence}`

/** The runs that begin, if their project counts them; null: it does not. */
function runsToCount({ view: { project } }: Look, { starts }: Decision) {
  const runs = starts.filter(({ attempt }) => attempt === 1).length
  return project === null || project.runsLeft === null || runs === 0 ? null : { project: project.name, runs }
}

function isDue({ view }: Look, { slot }: { slot: Date | null }): boolean {
  return !slot || slot.getTime() + jitterMs(view.job) <= view.now.getTime()
}
