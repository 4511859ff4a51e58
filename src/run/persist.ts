import { type AttemptLogText, DatabaseUnavailable, type Look, type Store } from '../../db/index.ts'
import type { Arming } from '../arming/arming.ts'
import type { Decision } from '../decisions/index.ts'
import { sleep, type Delays } from '../ground/delays.ts'
import type { Admission, Enacted } from './admission.ts'

type Way = {
  store: Pick<Store, 'look'>
  enact: Admission['enact']
  /** An arm that waits for the rest of the job: the write that ends its work takes its order again. */
  arming: Pick<Arming, 'armLeaseAtRest' | 'renew'>
  delays: Delays
}

type Wish = {
  jobId: string
  /** Asked again with each new look; null: its subject is no longer ours, so nothing is written. */
  decide: (look: Look) => Decision | null
  /** The look to begin with; none: the job is read. */
  first?: Look
  output?: string | null
  attemptLog?: AttemptLogText | null
  /** The database cannot be reached. Returns whether to go on. */
  onUnavailable: (error: DatabaseUnavailable) => boolean
}

const firstPauseMs = 100
const lastPauseMs = 5_000

/**
 * Writes what only this process knows, such as an outcome: until it is written, or no longer ours (null). A lost race
 * is decided again; a database that cannot be reached is asked again, unless `onUnavailable` gives up.
 */
export async function persist(
  { store, enact, arming, delays }: Way,
  { jobId, decide, first, output = null, attemptLog = null, onUnavailable }: Wish,
): Promise<Enacted | null | 'given_up'> {
  let known = first
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, lastPauseMs)) {
    try {
      const look = known ?? (await store.look(jobId))
      known = undefined
      const decision = look && decide(look)
      if (!look || !decision) return null
      const armLease = arming.armLeaseAtRest(jobId)
      const enacted = await enact(look, decision, { output, attemptLog, armLease })
      if (enacted?.written.order) arming.renew(enacted.written.order)
      if (enacted) return enacted
    } catch (error) {
      if (!(error instanceof DatabaseUnavailable)) throw error
      if (!onUnavailable(error)) return 'given_up'
      await sleep(delays, pauseMs)
    }
  }
}
