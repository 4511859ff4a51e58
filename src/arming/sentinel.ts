import type { Store } from '../../db/index.ts'
import type { Armer } from './arm.ts'
import { isWakeLost } from '../decisions/index.ts'

type SentinelNeeds = { store: Pick<Store, 'farthestWake' | 'disownArm'>; armer: Pick<Armer, 'ensure'> }

const everyMs = 24 * 3_600_000
const armBudgetMs = 20_000

/**
 * Makes NAS call at least once a day: the job with the farthest wake time is armed a day ahead at most. That wake finds
 * nothing due, looks for jobs whose wake-up was lost (as every wake does), and arms the next day.
 *
 * Costs one look, after fires and changes of jobs, and two provisions a day. Rejects when the database does.
 */
export function createSentinel({ store, armer }: SentinelNeeds): () => Promise<void> {
  return async () => {
    // if an arm of the job is owed, making it may put the day out of reach again: look again after it
    for (let looks = 0; looks < 2; looks++) {
      const farthest = await store.farthestWake()
      if (!farthest) return
      const { jobId, armedAt, armedGen, wakeGen, now } = farthest
      if (armedGen < wakeGen) {
        await armer.ensure(jobId, { budgetMs: armBudgetMs })
        continue
      }
      const isAhead = armedAt !== null && armedAt.getTime() - now.getTime() <= everyMs
      if (isAhead && !isWakeLost(farthest, now)) return
      await store.disownArm(jobId, armedGen)
      await armer.ensure(jobId, { budgetMs: armBudgetMs, mostAheadMs: everyMs })
      return
    }
  }
}
