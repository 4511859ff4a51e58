import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startWebhookReceiver } from '../../dev/receivers/index.ts'
import { putChannel, signingSecret, startSealing } from '../channels/setup.ts'
import type { Json, Service } from '../support/service.ts'
import { codesOf, finished } from './setup.ts'

// Whom a job tells whose client names places that this service may not have (yet).

let service: Service
before(async () => {
  service = await startSealing()
})
after(() => service.close())

const makeJob = (fields: Record<string, unknown>) => service.makeJob(fields)
const jobOf = async (id: string) => (await service.api('GET', `/api/jobs/${id}`)).body.job

/** Runs the job once; the channels that its outcome was sent to, once no delivery is pending. */
async function toldBy(job: Json): Promise<string[]> {
  const { run } = (await service.api('POST', `/api/jobs/${job.id}/run`)).body
  await finished(service, run.id)
  for (let looks = 0; looks < 500; looks++) {
    const { body } = await service.api('GET', `/api/runs/${run.id}/deliveries`)
    const { deliveries } = body as { deliveries: Json[] }
    if (deliveries.every(({ state }) => state !== 'pending')) return deliveries.map(({ to }) => to.channel)
  }
  throw new Error('a delivery is still pending')
}

test('a name that no channel has sends nothing, and is used once there is one', async (t) => {
  const receiver = await startWebhookReceiver(signingSecret)
  t.after(() => receiver.close())
  const hook = { type: 'webhook', url: receiver.url, secrets: [signingSecret] }
  const job = await makeJob({ deliver: 'local, telegram:-100' })
  assert.equal(job.tells_nobody, true)
  assert.deepEqual(await toldBy(job), [])
  await putChannel(service, 'telegram', hook)
  assert.deepEqual(await toldBy(job), [], 'another chat of the same platform')
  await putChannel(service, 'telegram--100', hook)
  assert.deepEqual(await toldBy(job), ['telegram--100'])
  assert.deepEqual(
    [(await jobOf(job.id)).tells_nobody, (await jobOf(job.id)).deliver],
    [false, 'local, telegram:-100'],
  )
  const saved = await service.api('PATCH', `/api/jobs/${job.id}`, { name: 'x' })
  assert.equal('warnings' in saved.body, false)
  assert.deepEqual((await toldBy(await makeJob({ deliver: 'all' }))).toSorted(), [
    'telegram',
    'telegram--100',
  ])
  assert.deepEqual(await toldBy(await makeJob({ deliver: 'Telegram,telegram' })), ['telegram', 'telegram'])
  await service.api('DELETE', `/api/jobs/${job.id}`)
})

test('a job tells somebody of a failure by a channel, a default one, or a receiver of its own', async () => {
  await putChannel(service, 'failures', {
    ...{ type: 'webhook', url: 'https://a.example', default_on: ['failure'] },
  })
  await putChannel(service, 'news', { type: 'webhook', url: 'https://a.example' })
  const cases: [deliver: unknown, tellsNobody: boolean][] = [
    [null, false],
    ['news', false],
    ['none', true],
    ['all', false],
    [{ channel: 'news', on: 'success' }, true],
    [
      [
        { channel: 'news', on: 'success' },
        { channel: 'news', on: ['failure', 'recovery'] },
      ],
      false,
    ],
    [{ type: 'healthcheck', url: 'https://a.example' }, false],
    [{ type: 'healthcheck', url: 'https://a.example', on: 'success' }, true],
  ]
  for (const [deliver, expected] of cases) {
    const answer = await service.api('POST', '/api/jobs', {
      ...{ name: 'x', schedule: '30m', prompt: 'x', deliver },
    })
    const told = JSON.stringify(deliver)
    assert.equal(answer.body.job.tells_nobody, expected, told)
    assert.deepEqual(codesOf(answer.body.warnings), expected ? ['TELLS_NOBODY'] : [], told)
    const [listed] = (await service.api('GET', '/api/jobs?limit=1')).body.jobs
    assert.equal(listed.tells_nobody, expected, told)
  }
})

test('a channel that is switched off tells nobody', async () => {
  const url = `${service.target.url}/gone`
  service.target.behave('/gone', { does: 'status', value: 410 })
  await putChannel(service, 'gone', { type: 'webhook', url })
  await service.api('POST', '/api/channels/gone/test')
  assert.equal((await makeJob({ deliver: 'gone' })).tells_nobody, true)
})

test('a job shows why its last outcome has not arrived, and that its newest run failed', async () => {
  service.target.behave('/refuses', { does: 'status', value: 400 })
  service.target.behave('/fails', { does: 'status', value: 500 })
  await putChannel(service, 'refuses', { type: 'webhook', url: `${service.target.url}/refuses` })
  const action = { type: 'http', url: `${service.target.url}/fails` }
  const job = await makeJob({ action, deliver: 'refuses', tags: ['refused'] })
  assert.deepEqual([job.last_delivery_error, job.latest_execution], [null, null])
  await toldBy(job)
  const read = await jobOf(job.id)
  assert.match(read.last_delivery_error, /400/)
  assert.match(read.latest_execution.error, /^HTTP_STATUS: .*500/)
  assert.equal(read.latest_execution.error, read.last_error)
  const [listed] = (await service.api('GET', '/api/jobs?tag=refused')).body.jobs
  assert.deepEqual(
    [listed.last_delivery_error, listed.latest_execution],
    [read.last_delivery_error, read.latest_execution],
  )
})
