import type { ArmLease, ArmOrder, Look, Store, Written } from '../../db/index.ts'
import { orderGoodForMs } from '../arming/arm.ts'
import { type Chance, realChance } from '../ground/chance.ts'
import {
  attend,
  type Decision,
  jitterMs,
  type Occasion,
  rearm,
  rewritten,
  stopBroken,
  viewAfter,
} from '../decisions/index.ts'
import type { Courier } from '../delivery/courier.ts'
import type { Log } from '../ground/log.ts'
import type { Runner } from './runner.ts'
import type { Timers } from '../ground/timers.ts'

/** What was found when a job was looked at. `order`: the arm lease, where it came with the claim. */
export type Attended =
  | { state: 'gone' }
  | { state: 'nothing_due'; look: Look }
  | { state: 'attended'; look: Look; runIds: string[]; order: ArmOrder | null; wakeAt: Date | null }

export type Attend = (
  jobId: string,
  occasion: Omit<Occasion, 'newRunId'> & {
    /** The arm that NAS held is used up: whatever comes of the look, it is to be asked again. */
    armSpent: (look: Look) => boolean
    /** Where nothing is due: the caller will look again before it answers, so nothing is armed for now. */
    looksAgain?: (look: Look) => boolean
  },
) => Promise<Attended>

/** Writes a decision with this process as the owner of what it takes, and begins what it took. */
export type Admit = (look: Look, decision: Decision, options?: AdmitOptions) => Promise<Written | null>

type AdmitOptions = {
  armSpent?: boolean
  output?: string | null
  /** The API key whose call started the runs; null: none did. */
  startedBy?: string | null
  /** The write takes the arm lease with it: whoever asks for this carries the order out, or the job waits for its end. */
  takesArmLease?: boolean
}

type Parts = {
  store: Store
  runner: () => Runner
  courier: () => Pick<Courier, 'accept'>
  owner: string
  leaseMs: number
  timers: Timers
  log: Pick<Log, 'warn' | 'error'>
  chance?: Chance | undefined
  /** Null where nothing is armed with NAS (the built-in scheduler triggers). */
  armLease: () => ArmLease | null
}

const maxRounds = 20
/** Ends of a run that somebody has to look at. */
const troubles: readonly string[] = ['failed', 'timed_out', 'interrupted']

/**
 * The one admission: whoever advances a job (a fire, the ticker, a boot, a manual run) does it through here.
 *
 * Look, decide, write by compare-and-set; where somebody else was faster, look again. Of any number of callers, in
 * any number of processes, one claims a slot; a claim whose answer was lost is found again by its owner and run.
 */
export function createAdmission(parts: Parts): { attend: Attend; admit: Admit } {
  const { store, owner, leaseMs, timers, log, chance = realChance } = parts
  /** Claims that are being written right now, by run and fence: how many, as two looks may lead to the same one. */
  const awaited = new Map<string, number>()
  const isKnown = (run: { id: string; fence: number }) =>
    awaited.has(keyOf(run)) || parts.runner().hasSeen(run.id, run.fence)

  async function admit(
    look: Look,
    decision: Decision,
    { armSpent = false, output = null, startedBy = null, takesArmLease = false }: AdmitOptions = {},
  ): Promise<Written | null> {
    const runner = parts.runner()
    const askedAt = timers.now()
    const jobLeaseMs = look.view.job.policy.leaseMs ?? leaseMs
    const places = decision.starts.every((run) => isDue(look, run)) ? decision.starts.length : 0
    const begins = places > 0 && runner.reserve({ look, startedBy, count: places })
    let taken = 0
    const writing = {
      owner,
      leaseMs: jobLeaseMs,
      begins,
      armSpent,
      armLease: takesArmLease ? parts.armLease() : null,
      output,
    }
    expect(decision, 1)
    try {
      const written = await store.transition(look.view, decision, writing)
      if (!written) return null
      // a process that was frozen meanwhile must not carry out an order that is another's by now
      if (timers.now() - askedAt > orderGoodForMs) written.order = null
      warnOfTrouble(look, decision)
      // first: the same decision may have begun the next attempt of a run whose last one it ended
      for (const runId of decision.stops) runner.stop(runId, 'CANCELLED')
      const { sends } = decision
      if (sends.length > 0) parts.courier().accept({ jobId: look.authored.id, sends, askedAt })
      const starts = decision.starts.filter((run) => run.seenFence !== null || written.inserted.has(run.id))
      if (starts.length > 0) {
        taken = starts.length
        const claimed = { ...look, view: viewAfter(look.view, decision, { ...written, owner }) }
        runner.accept({
          look: claimed,
          startedBy,
          starts,
          leaseMs: jobLeaseMs,
          askedAt,
          heardAt: timers.now(),
          hasBegun: begins,
        })
      }
      return written
    } finally {
      // only now: a look that is answered in the same breath must find the run awaited or accepted, or it adopts it
      expect(decision, -1)
      if (begins) runner.unreserve({ look, startedBy, count: places - taken })
    }
  }

  /** Whoever a run or a delivery ends through, it ends here. */
  function warnOfTrouble({ authored: { id, name } }: Look, { runs, deliveries }: Decision) {
    for (const { id: run, state, finished, error } of runs)
      if (finished && troubles.includes(state))
        log.warn(
          { job: id, name, run, state, code: error?.code, message: error?.message },
          'run did not end well',
        )
    for (const { id: delivery, runId: run, state, target, error } of deliveries)
      if (state === 'failed')
        log.warn(
          {
            job: id,
            name,
            run,
            delivery,
            to: target.channel ?? target.type ?? target.job,
            code: error?.code,
            message: error?.message,
          },
          'delivery failed permanently',
        )
  }

  function expect({ starts }: Decision, change: 1 | -1) {
    for (const run of starts) {
      const count = (awaited.get(keyOf(run)) ?? 0) + change
      if (count > 0) awaited.set(keyOf(run), count)
      else awaited.delete(keyOf(run))
    }
  }

  async function attendJob(
    jobId: string,
    { armSpent, looksAgain = () => false, ...occasion }: Parameters<Attend>[1],
  ): Promise<Attended> {
    let firstGen: number | null = null
    for (let round = 0; round < maxRounds; round++) {
      // a new one each time: the claim of the round before may have been carried out, and its answer lost
      const newRunId = chance.uuid()
      const askedAt = timers.now()
      const look = await store.look(jobId)
      if (!look) return { state: 'gone' }
      const adopted = adopt(look, askedAt)
      firstGen ??= look.registry.wakeGen
      // where somebody else has asked for a new arm since we came, that one is not used up
      const isSpent = look.registry.wakeGen === firstGen && armSpent(look)
      const rearms = isSpent && (adopted.length > 0 || !looksAgain(look))
      const decision =
        decide(look, { ...occasion, newRunId: () => newRunId }) ?? (rearms ? rearm(look.view) : null)
      if (!decision) {
        const { wakeAt } = look.registry
        return adopted.length > 0
          ? { state: 'attended', look, runIds: adopted, order: null, wakeAt }
          : { state: 'nothing_due', look }
      }
      const written = await admit(look, decision, { armSpent: isSpent, takesArmLease: true })
      if (!written) continue
      const runIds = [...decision.starts.map((run) => run.id), ...adopted]
      return { state: 'attended', look, runIds, order: written.order, wakeAt: written.wakeAt }
    }
    throw new Error(`job ${jobId} changed ${maxRounds} times while it was looked at`)
  }

  function decide(look: Look, occasion: Occasion): Decision | null {
    try {
      return attend(look.view, occasion)
    } catch (error) {
      log.error({ err: error, job: look.authored.id }, 'nothing can be decided about a job; it is stopped')
      return stopBroken(look.view, 'INTERNAL: its schedule cannot be evaluated; change it, or resume the job')
    }
  }

  /**
   * Claims of this process whose answer was lost on the way: the row says that they are ours, but they were never
   * taken over and no answer is awaited. They begin by a statement of their own, which fails where the lease has gone.
   */
  function adopt(look: Look, askedAt: number): string[] {
    const runner = parts.runner()
    const heardAt = timers.now()
    const ours = look.view.live.filter((run) => run.owner === owner && run.leaseUntil && !isKnown(run))
    for (const run of ours) {
      const leftMs = (run.leaseUntil as Date).getTime() - look.view.now.getTime()
      if (leftMs <= 0) continue
      const write = { ...rewritten(run), leased: true }
      runner.accept({
        look,
        startedBy: null,
        starts: [write],
        leaseMs: leftMs,
        askedAt,
        heardAt,
        hasBegun: false,
      })
    }
    return ours.map((run) => run.id)
  }

  return { attend: attendJob, admit }
}

const keyOf = (run: { id: string; fence: number }) => `${run.id}:${run.fence}`

function isDue({ view }: Look, { slot }: { slot: Date | null }): boolean {
  return !slot || slot.getTime() + jitterMs(view.job) <= view.now.getTime()
}
