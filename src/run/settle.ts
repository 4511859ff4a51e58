import { type Look, refusedValue, type Store } from '../../db/index.ts'
import { type Decision, type Outcome, release, settle } from '../decisions/index.ts'
import type { Delays } from '../ground/delays.ts'
import type { Arming } from '../arming/arming.ts'
import type { Admission, Enacted } from './admission.ts'
import type { HeldRun } from './leases.ts'
import { persist } from './persist.ts'
import { unstorable } from './unstorable.ts'

/** The decision that was written about an end; null: the fence was stale. */
export type Settled = Enacted | null

export type Settle = {
  /** Resolves when the outcome is written, or its fence is known to be stale. */
  settle(run: HeldRun, outcome: Outcome): Promise<Settled>
  /** The run of a claim that has not begun goes to whichever process comes next. */
  giveBack(run: HeldRun): Promise<Settled>
}

type SettleNeeds = {
  store: Pick<Store, 'look' | 'clock'>
  enact: Admission['enact']
  arming: Pick<Arming, 'armLeaseAtRest' | 'renew'>
  delays: Delays
  log: { warn(fields: object, message: string): void; error(fields: object, message: string): void }
}

/**
 * Writing how an attempt ended, with the fence that began it. A stale fence changes nothing (another process took the
 * run over or cancelled it, or the job was deleted); a database that cannot be reached is asked again until it answers,
 * because the outcome is known here alone. An outcome that Postgres refuses to keep is replaced by one that says so.
 */
export function createSettle({ store, enact, arming, delays, log }: SettleNeeds): Settle {
  async function settleRun(run: HeldRun, outcome: Outcome): Promise<Settled> {
    try {
      return await writeOutcome(run, outcome)
    } catch (error) {
      const sqlState = refusedValue(error)
      if (sqlState === null) throw error
      log.error({ err: error, job: run.jobId, run: run.runId }, 'Postgres refused the outcome of a run')
      const stored = unstorable('the attempt', outcome.state, sqlState)
      const kept = outcome.log && { log: outcome.log }
      return writeOutcome(run, { state: 'failed', final: true, error: stored, ...kept })
    }
  }

  function writeOutcome(run: HeldRun, outcome: Outcome): Promise<Settled> {
    const done = { runId: run.runId, fence: run.fence, outcome }
    return write(run, ({ view }) => settle(view, done), outcome)
  }

  async function write(
    run: HeldRun,
    decide: (look: Look) => Decision | null,
    { output = null, log: written = null }: { output?: string | null; log?: Buffer | null },
  ): Promise<Settled> {
    const { jobId, runId, fence } = run
    const attemptLog = written && { runId, attempt: run.write.attempt, text: written }
    const settled = await persist(
      { store, enact, arming, delays },
      {
        ...{ jobId, decide, output, attemptLog, first: asClaimed(run) },
        onUnavailable(error) {
          log.error({ err: error, job: jobId, run: runId }, 'the outcome of a run could not be stored yet')
          return true
        },
      },
    )
    if (settled && settled !== 'given_up') return settled
    log.warn({ job: jobId, run: runId, fence }, 'another process holds the run; its outcome was not stored')
    return null
  }

  /** The job as the claim left it, which mostly still is so; if it is not, `rev` has moved and the job is read again. */
  function asClaimed({ look, heardAt }: HeldRun): Look {
    const now = store.clock() ?? new Date(look.view.now.getTime() + (delays.now() - heardAt))
    return { ...look, view: { ...look.view, now } }
  }

  return {
    settle: settleRun,
    giveBack: (run) => write(run, ({ view }) => release(view, run), {}),
  }
}
