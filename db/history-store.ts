import type { Database, Sql } from './client.ts'
import { expireStep, type Lives, purgeStep } from './history-expire.ts'
import { foldStep } from './history-fold.ts'
import { closeLost, lostAtOnce } from './process-record.ts'
import { bareRuns, dueJob, type Kept, lookAgain, removeRuns, rowsAtOnce } from './history-prune.ts'

export type HistoryStore = ReturnType<typeof createHistoryStore>

export type HistoryNeeds = {
  database: Database
  /** Stands in for Postgres' own clock. */
  clock: () => Date | null
  /** What of a job with this policy is kept. */
  keptOf: (policy: Record<string, unknown>) => Kept
  lives: Lives
}

/** A step is short, unless the disk is slow; one that is cut short would be tried again for ever. */
const deadlineMs = 30_000

/**
 * The steps by which history ends, each of them bounded and a transaction of its own. Any number of processes may take them at
 * once: they pass over what another one is busy with. False: the step found nothing to do.
 */
export function createHistoryStore({ database, clock, keptOf, lives }: HistoryNeeds) {
  const step = (name: string, work: (tx: Sql) => Promise<boolean>) =>
    database.transaction(work, { name, deadlineMs })
  return {
    /** Adds runs that have ended to the days; first of all, since nothing else takes a run that is not in them. */
    fold: () =>
      step('adding up history', async (tx) => {
        const { isMore } = await foldStep(tx, { now: clock(), usual: keptOf({}) })
        return isMore
      }),

    /** Takes logs, outputs and rows of old runs from one job. */
    prune: () =>
      step('pruning a job', async (tx) => {
        const now = clock()
        const due = await dueJob(tx, now)
        if (!due) return false
        const job = { jobId: due.jobId, kept: keptOf(due.policy), now }
        const removed = await removeRuns(tx, job)
        const bared = await bareRuns(tx, job)
        await lookAgain(tx, { ...job, removed, isMore: Math.max(removed, bared) >= rowsAtOnce })
        return true
      }),

    /** Takes rows of one deleted job. */
    purge: () => step('removing rows of a deleted job', purgeStep),

    /** Takes rows of the whole service that are past their life. */
    expire: () =>
      step('removing old rows', async (tx) => (await expireStep(tx, { lives, now: clock() })) >= rowsAtOnce),

    /** Adds the time of processes that were killed, and whose machines have not started again. */
    closeLost: () =>
      step('adding the time of lost processes', async (tx) => (await closeLost(tx, clock())) >= lostAtOnce),

    /** Notes that history has been looked after, for the processes that would be next (`ProcessRecord.depart`). */
    tended: () =>
      database.run(
        (sql) => sql`update history set tended_at = coalesce(${clock()}::timestamptz, clock_timestamp())`,
        {
          idempotent: true,
          name: 'noting that history was looked after',
        },
      ),
  }
}
