import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import { startWebhookReceiver } from '../../dev/receivers/index.ts'
import { putChannel, signingSecret, startSealing } from '../channels/setup.ts'
import { type Json, type Service, startService } from '../support/service.ts'
import { until } from '../support/until.ts'

const key = randomBytes(32).toString('base64')
const at = (time: string) => new Date(`2026-06-18T${time}Z`)

async function fire(service: Service, job: Json, time: string) {
  service.setClock(at(time))
  return service.fire({ job_id: job.id, fire_at: at(time).toISOString() })
}

const healthOf = async (service: Service) => {
  const { body } = await service.api('GET', '/api/status')
  return { health: body.health, codes: (body.reasons as Json[]).map(({ code }) => code) }
}

/** Jobs that hang at one target, of which one has the only place for it: each slot of the others is skipped. */
async function overload(service: Service) {
  service.target.behave('/hang', { does: 'hang' })
  const action = { type: 'http', url: `${service.target.url}/hang` }
  const make = (): Promise<Json> => service.makeJob({ schedule: 'every 1m', action })
  const jobs = [await make(), await make(), await make()]
  for (const job of jobs) assert.equal((await fire(service, job, '08:01:00')).status, 202)
  return { jobs, skip: (time: string) => fire(service, jobs[1], time) }
}

async function setup(t: TestContext) {
  const receiver = await startWebhookReceiver(signingSecret)
  const service = await startSealing({ MAX_CONCURRENT_RUNS: '2', ENCRYPTION_KEY: key })
  t.after(async () => {
    await service.close()
    await receiver.close()
  })
  const warnings: string[] = []
  t.mock.method(
    service.app.http.log,
    'warn',
    (_fields: object, message: string) => void warnings.push(message),
  )
  const webhook = { type: 'webhook', url: `${receiver.url}/hook`, secrets: [signingSecret] }
  await putChannel(service, 'team', { ...webhook, default_on: ['failure'] })
  await putChannel(service, 'quiet', { ...webhook, url: `${receiver.url}/quiet` })
  return { service, receiver, warnings }
}

test('slots that are skipped for want of a place are told: in the status, in the log, and once to the default channel', async (t) => {
  const { service, receiver, warnings } = await setup(t)
  assert.deepEqual(await healthOf(service), { health: 'ok', codes: [] })
  const { skip } = await overload(service)
  await skip('08:02:00')
  // on a slow machine those that wait are a backlog as well
  const { health, codes } = await healthOf(service)
  assert.deepEqual([health, codes[0]], ['degraded', 'SLOTS_SKIPPED'])
  const { body: metrics } = await service.api('GET', '/metrics')
  assert.match(metrics, /^chronos_process_health_reason\{code="slots_skipped"\} 1$/m)
  assert.match(metrics, /^chronos_process_health_reason\{code="keys_failing"\} 0$/m)
  await receiver.waitFor(1)
  await skip('08:03:00')
  assert.deepEqual(
    warnings.filter((line) => line.includes('health')),
    ['the health of the service has changed'],
  )
  const [got] = receiver.got
  assert.equal(got?.payload?.type, 'service.health')
  assert.match(got?.payload?.data.text ?? '', /^Chronos is degraded\nSLOTS_SKIPPED: 1 slot was skipped/)
  assert.equal(receiver.got.length, 1)
})

test('of two processes that see it at the same time one tells; a third shows it for a quarter of an hour', async (t) => {
  const { service, receiver } = await setup(t)
  const { database, nas, target } = service
  const start = async () => {
    const env = { MAX_CONCURRENT_RUNS: '2', TARGET_ALLOW: '127.0.0.0/8', ENCRYPTION_KEY: key }
    const other = await startService({ database, nas, target, clock: at('08:02:00'), env })
    t.after(() => other.close())
    return other
  }
  const [other, third] = [await start(), await start()]
  const { jobs } = await overload(service)
  await Promise.all([fire(service, jobs[1], '08:02:00'), fire(other, jobs[2], '08:02:00')])
  await receiver.waitFor(1)
  await until(
    'both have reported',
    async () => service.app.holds.count('delivery') + other.app.holds.count('delivery') === 0,
  )
  assert.equal(receiver.got.length, 1)
  const { health, codes } = await healthOf(third)
  assert.deepEqual([health, codes[0]], ['degraded', 'SLOTS_SKIPPED'])
  third.setClock(at('08:20:00'))
  assert.ok(!(await healthOf(third)).codes.includes('SLOTS_SKIPPED'), 'no process has confirmed it')
})

test('a wake-up that did not come is told to the default channel, by the process that finds it', async (t) => {
  const { service, receiver, warnings } = await setup(t)
  await service.makeJob({ schedule: 'every 1m', name: 'never called for' })
  const other = await service.makeJob({ schedule: 'every 3m' })
  assert.equal((await fire(service, other, '08:03:00')).status, 202)
  await receiver.waitFor(1)
  assert.match(
    receiver.got[0]?.payload?.data.text ?? '',
    /WAKES_LOST: The timer service did not call for 1 job in/,
  )
  assert.equal(warnings.filter((line) => line === 'the health of the service has changed').length, 1)
})
