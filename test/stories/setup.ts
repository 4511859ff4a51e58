import { randomBytes } from 'node:crypto'
import type { TestContext } from 'node:test'
import { startWebhookReceiver } from '../../dev/receivers/index.ts'
import { type Json, type Service, startService } from '../support/service.ts'
import { until } from '../support/until.ts'

const signingSecret = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD'
const startsAt = '2026-06-18T08:00:00Z'

type Options = { with?: Service; env?: Record<string, string>; begin?: boolean }

const opened = new WeakMap<TestContext, Service[]>()
const encryptionKey = randomBytes(32).toString('base64')

/** A service with a key to seal and to sign with, and what stories do with it; `with` another one: a second process. */
export async function setup(t: TestContext, { with: shared, env = {}, begin = true }: Options = {}) {
  const rest = shared ? { database: shared.database, nas: shared.nas, target: shared.target } : {}
  const service = await startService({
    ...{ clock: startsAt, begin },
    env: { ENCRYPTION_KEY: encryptionKey, ...env },
    ...rest,
  })
  const services = opened.get(t)
  if (services) services.push(service)
  else {
    const all = [service]
    opened.set(t, all)
    // the first one owns what the others share
    t.after(async () => {
      for (const one of all.toReversed()) await one.close()
    })
  }
  return { service, ...on(service) }
}

/** What stories do with a service, in few words. */
function on(service: Service) {
  const { api } = service
  const runOf = async (id: string): Promise<Json> => (await api('GET', `/api/runs/${id}`)).body.run
  const deliveriesOf = async (runId: string): Promise<Json[]> =>
    (await api('GET', `/api/runs/${runId}/deliveries`)).body.deliveries
  return {
    runOf,
    deliveriesOf,
    runsOf: async (jobId: string): Promise<Json[]> => (await api('GET', `/api/jobs/${jobId}/runs`)).body.runs,
    /** Starts a run by hand; its id. */
    async start(jobId: string, input?: unknown): Promise<string> {
      const { status, body } = await api(
        'POST',
        `/api/jobs/${jobId}/run`,
        input === undefined ? {} : { input },
      )
      if (status !== 202) throw new Error(`${status} ${JSON.stringify(body)}`)
      return body.run.id
    },
    ended: (runId: string, ...states: string[]): Promise<Json> =>
      until(`run ${runId} is ${states.join(' or ') || 'over'}`, async () => {
        const run = await runOf(runId)
        const isOver = !['claimed', 'running', 'waiting'].includes(run.state)
        return (states.length > 0 ? states.includes(run.state) : isOver) && run
      }),
    /** The first delivery of a run, once it is as `isSo` says. */
    delivery: (runId: string, isSo: (delivery: Json) => boolean): Promise<Json> =>
      until(`a delivery of run ${runId}: ${isSo.toString()}`, async () =>
        (await deliveriesOf(runId)).find((delivery) => isSo(delivery)),
      ),
    /** What NAS holds for a job, as an instant; null: nothing. */
    armedAt(jobId: string): string | null {
      const arm = service.nas.armed().find((one) => one.job_id === jobId)
      return arm ? new Date(arm.fire_at).toISOString() : null
    },
    /** Once this process has no reason to stay up. */
    atRest: () => until('nothing is held', async () => service.app.holds.count() === 0 && true),
    /** Time passes for Postgres, and NAS fires what is due by then. */
    async passTo(instant: string) {
      service.setClock(instant)
      await service.nas.setTime(instant)
    },
    /** A channel under `name` to a receiver that verifies signatures; gone with the test. */
    async channel(name: string, after: (end: () => Promise<void>) => void) {
      const receiver = await startWebhookReceiver(signingSecret)
      after(() => receiver.close())
      const config = { type: 'webhook', url: receiver.url, secrets: [signingSecret] }
      const { status, body } = await api('PUT', `/api/channels/${name}`, config)
      if (status >= 300) throw new Error(`${status} ${JSON.stringify(body)}`)
      return receiver
    },
  }
}
