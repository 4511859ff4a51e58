import type { LogStore } from '../../db/index.ts'
import { policyFrom } from '../decisions/index.ts'

type PrunerNeeds = { store: Pick<LogStore, 'jobs' | 'policyOf' | 'prune'>; isDraining: () => boolean }

/** Of one job in one statement: short, since a fire may want the row that it locks. */
const batch = 200
/** For one pass, over all jobs. */
const mostBatches = 50
const jobsAtOnce = 50

/**
 * One pass after another removes expired logs, as `LogStore.prune`: from the job that is named first, then from
 * the jobs that follow those of the pass before, so that jobs that never run any more are reached as well.
 */
export function createPruner({ store, isDraining }: PrunerNeeds): (jobId: string) => Promise<void> {
  let after = ''

  return async function prune(jobId) {
    let left = mostBatches
    const policy = await store.policyOf(jobId)
    if (policy) left = await pruneJob(jobId, policy, left)
    const jobs = await store.jobs({ after, limit: jobsAtOnce })
    // the next pass starts over
    if (jobs.length < jobsAtOnce) after = ''
    for (const job of jobs) {
      if (left <= 0 || isDraining()) return
      left = await pruneJob(job.id, job.policy, left)
      if (jobs.length === jobsAtOnce) after = job.id
    }
  }

  async function pruneJob(jobId: string, policy: Record<string, unknown>, most: number): Promise<number> {
    const { retention } = policyFrom(policy)
    for (let left = most - 1; ; left--) {
      const taken = await store.prune(jobId, retention, batch)
      if (taken < batch || left <= 0 || isDraining()) return left
    }
  }
}
