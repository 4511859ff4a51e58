import type { ShownDelivery, Store, ToldRun } from '../../db/index.ts'
import { deliverAgain, type Delivered, type DeliveryTarget, type DeliveryWrite } from '../decisions/index.ts'
import type { Message } from './senders/index.ts'
import { AppError } from '../ground/errors.ts'
import type { Jobs } from '../jobs/jobs.ts'
import type { Saved, Transit } from '../run/change.ts'

/** Tells one receiver, once, over before `signal` is needed. Whatever the receiver does is a value. */
export type SendMessage = (
  target: DeliveryTarget,
  message: Message,
  signal: AbortSignal,
) => Promise<Delivered>

export type Outbox = {
  /** One try of a delivery that this process holds. */
  send(jobId: string, delivery: DeliveryWrite, signal: AbortSignal): Promise<Delivered>
  /** @throws AppError RUN_NOT_FOUND */
  of(runId: string): Promise<ShownDelivery[]>
  /** Newest first; `state` null: whatever it is. */
  list: Store['listDeliveries']
  /** Retries a failed delivery. @throws AppError DELIVERY_NOT_FOUND, DELIVERY_STATE_CONFLICT */
  again(runId: string, deliveryId: string): Promise<Saved>
}

type Parts = {
  store: Store
  transit: Transit['transit']
  send: SendMessage
  startAfter: Jobs['startAfter']
  /** Our own public address. */
  callbackUrl: string | null
}

export function createOutbox({ store, transit, send, startAfter, callbackUrl }: Parts): Outbox {
  async function sendHeld(jobId: string, delivery: DeliveryWrite, signal: AbortSignal): Promise<Delivered> {
    const run = await store.toldRun(delivery.runId)
    if (!run) {
      const message = `run ${delivery.runId} of job ${jobId} is gone`
      return { state: 'failed', error: { code: 'RUN_NOT_FOUND', message } }
    }
    const { job } = delivery.target
    if (job === undefined)
      return send(delivery.target, messageOf(delivery, run, linkOf(callbackUrl, run.id)), signal)
    return startJob(job, delivery, run)
  }

  /** The run that it starts bears the delivery's id, so however often this is tried, there is one. */
  async function startJob(jobId: string, { id }: DeliveryWrite, run: ToldRun): Promise<Delivered> {
    try {
      await startAfter(jobId, { runId: id, input: chainInput(run) })
      return { state: 'delivered' }
    } catch (thrown) {
      if (!(thrown instanceof AppError)) throw thrown
      const error = { code: thrown.code, message: thrown.message }
      if (thrown.statusCode === 503 || thrown.code === 'JOB_BUSY') return { state: 'retry', error }
      return { state: 'failed', error }
    }
  }

  async function of(runId: string): Promise<ShownDelivery[]> {
    if (await store.jobOfRun(runId)) return store.deliveriesOf(runId)
    throw new AppError('RUN_NOT_FOUND', `No run with id ${runId}`)
  }

  async function again(runId: string, deliveryId: string): Promise<Saved> {
    const jobId = await store.jobOfRun(runId)
    const found = (await of(runId)).find(({ id }) => id === deliveryId)
    if (!jobId || !found) {
      const message = `Run ${runId} has no delivery with id ${deliveryId}`
      throw new AppError('DELIVERY_NOT_FOUND', message)
    }
    if (found.state !== 'failed') {
      const message = `Delivery ${deliveryId} is ${found.state}; only a failed delivery can be retried.`
      throw new AppError('DELIVERY_STATE_CONFLICT', message)
    }
    return transit(jobId, ({ view }) =>
      view.deliveries.some(({ id }) => id === deliveryId) ? null : deliverAgain(view, found),
    )
  }

  return { send: sendHeld, of, list: store.listDeliveries, again }
}

/** Where a person reads more of a run; null: this service has no address of its own. */
export function linkOf(callbackUrl: string | null, runId: string): string | null {
  return callbackUrl && `${callbackUrl}/api/runs/${runId}`
}

function messageOf(
  { id, event }: DeliveryWrite,
  { job, input, output, error, ...run }: ToldRun,
  link: string | null,
): Message {
  const { startedAt, finishedAt } = run
  const durationMs = startedAt && finishedAt ? finishedAt.getTime() - startedAt.getTime() : null
  return { id, event, job, run: { ...run, durationMs }, input, output, error, link }
}

/** The input of a job from the run whose outcome starts it. */
function chainInput({ job, id, slot, state, output, error }: ToldRun) {
  return { job, run: { id, slot: slot?.toISOString() ?? null, state }, output, error }
}
