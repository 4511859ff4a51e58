import type { ShownDelivery, Store } from '../../db/index.ts'
import { deliverAgain } from '../decisions/index.ts'
import { AppError } from '../ground/errors.ts'
import { notFound } from '../ground/not-found.ts'
import type { Changes, Saved } from '../run/change.ts'

/** The operations of clients on deliveries. */
export type Deliveries = {
  /** @throws AppError RUN_NOT_FOUND */
  of(runId: string): Promise<ShownDelivery[]>
  /** Newest first; `state` null: whatever it is. */
  list: Store['listDeliveries']
  /** Retries a failed delivery. @throws AppError DELIVERY_NOT_FOUND, DELIVERY_STATE_CONFLICT */
  again(runId: string, deliveryId: string): Promise<Saved>
}

type DeliveriesNeeds = {
  store: Pick<Store, 'jobOfRun' | 'deliveriesOf' | 'listDeliveries'>
  changes: Changes
}

export function createDeliveries({ store, changes }: DeliveriesNeeds): Deliveries {
  async function of(runId: string): Promise<ShownDelivery[]> {
    if (await store.jobOfRun(runId)) return store.deliveriesOf(runId)
    throw notFound('run', runId)
  }

  async function again(runId: string, deliveryId: string): Promise<Saved> {
    const jobId = await store.jobOfRun(runId)
    if (!jobId) throw notFound('run', runId)
    await failedOf(runId, deliveryId)
    // Read again after the look: whatever happens to the delivery from then on moves the job, and the decision is not written.
    return changes.apply(jobId, async ({ view }) =>
      view.deliveries.some(({ id }) => id === deliveryId)
        ? null
        : deliverAgain(view, await failedOf(runId, deliveryId)),
    )
  }

  async function failedOf(runId: string, deliveryId: string): Promise<ShownDelivery> {
    const found = (await of(runId)).find(({ id }) => id === deliveryId)
    if (!found) throw new AppError('DELIVERY_NOT_FOUND', `Run ${runId} has no delivery with id ${deliveryId}`)
    if (found.state === 'failed') return found
    const message = `Delivery ${deliveryId} is ${found.state}; only a failed delivery can be retried.`
    throw new AppError('DELIVERY_STATE_CONFLICT', message)
  }

  return { of, list: store.listDeliveries, again }
}
