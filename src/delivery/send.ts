import type { Store, ToldRun } from '../../db/index.ts'
import type { Sent, DeliveryTarget, DeliveryWrite } from '../decisions/index.ts'
import type { StartFollower } from './chain.ts'
import type { Message } from './senders/index.ts'

/** Tells one receiver, once, over before `signal` is needed. Whatever the receiver does is a value. */
export type SendMessage = (
  target: DeliveryTarget,
  message: Message,
  signal: AbortSignal,
  /** Whose channels and secrets the target names. */
  project: string,
) => Promise<Sent>

/** One try of a delivery that this process holds. */
export type SendDelivery = (jobId: string, delivery: DeliveryWrite, signal: AbortSignal) => Promise<Sent>

type SendNeeds = {
  store: Pick<Store, 'toldBy'>
  send: SendMessage
  startFollower: StartFollower
  /** Our own public address. */
  callbackUrl: string | null
}

/** A try goes to a receiver, as a message, or to a job that follows, as the start of a run. */
export function createSend({ store, send, startFollower, callbackUrl }: SendNeeds): SendDelivery {
  return async (jobId, delivery, signal) => {
    const told = await store.toldBy(delivery.id)
    if (!told) {
      const message = `run ${delivery.runId} of job ${jobId} is gone`
      return { state: 'failed', error: { code: 'RUN_NOT_FOUND', message } }
    }
    const { run, target } = told
    if (target.job !== undefined) return startFollower(target.job, delivery.id, run)
    return send(target, messageOf(delivery, run, linkOf(callbackUrl, run.id)), signal, told.project)
  }
}

/** The page of a run, for a person; null: this service has no address of its own. */
export function linkOf(callbackUrl: string | null, runId: string): string | null {
  return callbackUrl && `${callbackUrl}/runs/${runId}`
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
