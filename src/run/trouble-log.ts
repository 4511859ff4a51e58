import type { Look } from '../../db/index.ts'
import { troubleStates } from '../columns/index.ts'
import type { Decision } from '../decisions/index.ts'
import type { Log } from '../ground/log.ts'

export type TroubleLog = Pick<Log, 'warn' | 'error'>

/** Ends of a run that need attention. */
const troubles: readonly string[] = troubleStates

/** Logs runs and deliveries that have failed, as the decision that ended them is written. */
export function createTroubleLog(log: TroubleLog) {
  return ({ authored: { id, name } }: Look, { runs, deliveries }: Decision) => {
    for (const { id: run, state, finished, error } of runs)
      if (finished && troubles.includes(state))
        log.warn(
          { job: id, name, run, state, code: error?.code, message: error?.message },
          'run did not succeed',
        )
    for (const { id: delivery, runId: run, state, target, error } of deliveries) {
      if (state !== 'failed') continue
      const to = target.channel ?? target.type ?? target.job
      log.warn(
        { job: id, name, run, delivery, to, code: error?.code, message: error?.message },
        'delivery failed permanently',
      )
    }
  }
}
