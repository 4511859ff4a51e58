import type { Store, ToldRun } from '../../db/index.ts'
import { type Sent, startManual } from '../decisions/index.ts'
import { AppError } from '../ground/errors.ts'
import type { Changes } from '../run/change.ts'

/**
 * Starts the job that follows a run. The run that it starts bears the id of the delivery, so however often this is
 * tried, there is one.
 */
export type StartFollower = (jobId: string, deliveryId: string, ahead: ToldRun) => Promise<Sent>

type ChainNeeds = { store: Pick<Store, 'jobOfRun'>; changes: Changes }

export function createChain({ store, changes }: ChainNeeds): StartFollower {
  return async (jobId, deliveryId, ahead) => {
    try {
      await startAfter(jobId, { runId: deliveryId, input: chainInput(ahead) })
      return { state: 'delivered' }
    } catch (thrown) {
      if (!(thrown instanceof AppError)) throw thrown
      const error = { code: thrown.code, message: thrown.message }
      if (thrown.statusCode === 503 || thrown.code === 'JOB_BUSY' || thrown.code === 'PROJECT_BUSY')
        return { state: 'retry', error }
      return { state: 'failed', error }
    }
  }

  /** @throws AppError ARM_UNCONFIRMED: the run is there, and its wake-up is not sure yet; JOB_STATE_CONFLICT, JOB_BUSY */
  async function startAfter(jobId: string, { runId, input }: { runId: string; input: unknown }) {
    const wish = { runId, trigger: 'after' as const, input }
    // the process that made it before may have died before its wake-up was armed
    const { armed } = (await store.jobOfRun(runId))
      ? await changes.makeSure(jobId, { needed: true })
      : await changes.apply(jobId, ({ view }) =>
          view.live.some((run) => run.id === runId) ? null : startManual(view, wish),
        )
    if (armed) return
    throw new AppError(
      'ARM_UNCONFIRMED',
      `Run ${runId} of job ${jobId} was created, but its wake-up could not be armed. Retry the request.`,
    )
  }
}

/** The input of a job from the run whose outcome starts it. */
function chainInput({ job, id, slot, state, output, error }: ToldRun) {
  return { job, run: { id, slot: slot?.toISOString() ?? null, state }, output, error }
}
