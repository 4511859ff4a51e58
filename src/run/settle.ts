import { DatabaseUnavailable, type Look, refusedValue, type Store, type Written } from '../../db/index.ts'
import type { Admit } from './admission.ts'
import { type Decision, type Outcome, release, settle } from '../decisions/index.ts'
import type { HeldRun } from './runner.ts'
import { sleep, type Timers } from '../ground/timers.ts'
import { unstorable } from './unstorable.ts'

type Parts = {
  store: Store
  admit: Admit
  timers: Timers
  log: { warn(fields: object, message: string): void; error(fields: object, message: string): void }
  /** Told after each settled attempt what was decided and written; null: the fence was stale. */
  onSettled: (jobId: string, settled: { decision: Decision; written: Written } | null) => void
}

/**
 * Writing how an attempt ended, with the fence that began it. A stale fence changes nothing (somebody took the run
 * over, cancelled it, or deleted the job); a database that cannot be reached is asked again until it answers, because
 * the outcome is known here alone. An outcome that Postgres refuses to keep is replaced by one that says so.
 */
export function createSettle(parts: Parts) {
  const { store, admit, timers, log } = parts

  async function settleRun(held: HeldRun, outcome: Outcome): Promise<void> {
    try {
      await writeOutcome(held, outcome)
    } catch (error) {
      const sqlState = refusedValue(error)
      if (sqlState === null) throw error
      log.error({ err: error, job: held.jobId, run: held.runId }, 'Postgres refused the outcome of a run')
      const stored = unstorable('the attempt', outcome.state, sqlState)
      await writeOutcome(held, { state: 'failed', final: true, error: stored })
    }
  }

  function writeOutcome(held: HeldRun, outcome: Outcome): Promise<void> {
    const done = { runId: held.runId, fence: held.fence, outcome }
    return write(held, (look) => settle(look.view, done), outcome.output ?? null)
  }

  function giveBack(held: HeldRun): Promise<void> {
    return write(held, (look) => release(look.view, held), null)
  }

  async function write(
    held: HeldRun,
    decide: (look: Look) => Decision | null,
    output: string | null,
  ): Promise<void> {
    let isFirst = true
    for (let pauseMs = 100; ; pauseMs = Math.min(pauseMs * 2, 5_000)) {
      try {
        const look = isFirst ? asClaimed(held) : await store.look(held.jobId)
        isFirst = false
        const decision = look && decide(look)
        if (!decision) {
          log.warn(
            { job: held.jobId, run: held.runId, fence: held.fence },
            'the run is no longer ours: its outcome is not written',
          )
          return parts.onSettled(held.jobId, null)
        }
        const written = await admit(look, decision, { output })
        if (written) return parts.onSettled(held.jobId, { decision, written })
      } catch (error) {
        if (!(error instanceof DatabaseUnavailable)) throw error
        log.error(
          { err: error, job: held.jobId, run: held.runId },
          'the outcome of a run cannot be written yet',
        )
        await sleep(timers, pauseMs)
      }
    }
  }

  /** The job as the claim left it, which mostly still is so; where it is not, `rev` has moved and it is read again. */
  function asClaimed({ look, heardAt }: HeldRun): Look {
    const now = store.clock() ?? new Date(look.view.now.getTime() + (timers.now() - heardAt))
    return { ...look, view: { ...look.view, now } }
  }

  return { settle: settleRun, giveBack }
}
