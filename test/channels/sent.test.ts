import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  startHealthcheckReceiver,
  startMailReceiver,
  startSlackReceiver,
  startWebhookReceiver,
} from '../../dev/receivers/index.ts'
import { type Json, type Service } from '../support/service.ts'
import { newerSecret, putChannel, signingSecret, startSealing } from './setup.ts'
import { until } from '../support/until.ts'

let service: Service
before(async () => {
  service = await startSealing()
})
after(() => service.close())

const tryOut = async (name: string) => (await service.api('POST', `/api/channels/${name}/test`)).body
const channel = async (name: string) => (await service.api('GET', `/api/channels/${name}`)).body.channel

/** A run of a new job, over at once; how its deliveries stand, once none is pending. */
async function runJob(fields: Record<string, unknown>): Promise<Json[]> {
  const job = await service.makeJob(fields)
  const { body } = await service.api('POST', `/api/jobs/${job.id}/run`)
  return until('no delivery is pending', async () => {
    const { run } = (await service.api('GET', `/api/runs/${body.run.id}`)).body
    const told = await service.api('GET', `/api/runs/${body.run.id}/deliveries`)
    const { deliveries } = told.body as { deliveries: Json[] }
    const isOver = !['claimed', 'running'].includes(run.state)
    return isOver && deliveries.every(({ state }) => state !== 'pending') && deliveries
  })
}

test('a test message arrives at once, signed', async (t) => {
  const receiver = await startWebhookReceiver(signingSecret)
  t.after(() => receiver.close())
  await putChannel(service, 'hook', { type: 'webhook', url: receiver.url, secrets: [signingSecret] })
  assert.deepEqual(await tryOut('hook'), { delivered: true })
  const [got] = receiver.got
  assert.deepEqual([got?.isVerified, got?.payload?.type], [true, 'test'])
  assert.match(got?.payload?.data.text ?? '', /^Test of a delivery \(channel hook\)/)
})

test('a test that fails says why, and never where to', async (t) => {
  const receiver = await startSlackReceiver()
  t.after(() => receiver.close())
  await putChannel(service, 'chat', { type: 'slack', url: `${receiver.url}/services/T0/B0/very-secret` })
  receiver.behave({ does: 'answer', status: 404, body: 'no_service' })
  const message = `${receiver.url} answered 404: no_service`
  assert.deepEqual(await tryOut('chat'), { delivered: false, error: { code: 'HTTP_STATUS', message } })
})

test('secrets by name are filled in when a message is sent, and the newest value counts', async (t) => {
  const receiver = await startWebhookReceiver(newerSecret)
  t.after(() => receiver.close())
  await putChannel(service, 'byname', {
    type: 'webhook',
    url: '{{secrets.HOOK_URL}}',
    secrets: ['{{secrets.HOOK_KEY}}'],
  })
  const missing = await tryOut('byname')
  assert.deepEqual([missing.delivered, missing.error.code], [false, 'SECRET_UNKNOWN'])
  await service.api('PUT', '/api/secrets/HOOK_URL', { value: `${receiver.url}/{{not.a.template}}` })
  await service.api('PUT', '/api/secrets/HOOK_KEY', { value: signingSecret })
  assert.equal((await tryOut('byname')).delivered, false)
  await service.api('PUT', '/api/secrets/HOOK_KEY', { value: newerSecret })
  assert.deepEqual(await tryOut('byname'), { delivered: true })
  assert.equal(receiver.calls.at(-1)?.url.pathname, '/%7B%7Bnot.a.template%7D%7D')
})

test('a receiver that is gone switches its channel off, and a test that arrives switches it on', async (t) => {
  const receiver = await startWebhookReceiver(signingSecret)
  t.after(() => receiver.close())
  await putChannel(service, 'gone', { type: 'webhook', url: receiver.url, secrets: [signingSecret] })
  receiver.behave({ does: 'answer', status: 410 })
  assert.equal((await tryOut('gone')).delivered, false)
  const off = await channel('gone')
  assert.deepEqual(
    [off.disabled_at, off.disabled_reason],
    ['2026-06-18T08:00:00.000Z', `${receiver.url} answered 410`],
  )
  receiver.behave(null)
  assert.deepEqual(await tryOut('gone'), { delivered: true })
  assert.deepEqual((await channel('gone')).disabled_at, null)
})

test('a run tells the channels that its job names, and what is written out in the job', async (t) => {
  const receiver = await startWebhookReceiver(signingSecret)
  const health = await startHealthcheckReceiver()
  const mail = await startMailReceiver()
  t.after(() => Promise.all([receiver.close(), health.close(), mail.close()]))
  await putChannel(service, 'ops', {
    type: 'webhook',
    url: receiver.url,
    secrets: [newerSecret, signingSecret],
    template: 'of the channel',
  })
  const ping = { type: 'healthcheck', url: `${health.url}/ping/073305d2-3582-4dd6-b6a3-425e88583ca2` }
  const post = {
    type: 'email',
    host: '127.0.0.1',
    port: mail.port,
    from: 'a@b.example',
    to: ['c@d.example'],
    on: 'failure',
  }
  const deliveries = await runJob({
    deliver: [{ channel: 'ops', template: '{{job.name}} {{event}}' }, ping, post],
  })
  const stand = deliveries.map(({ state, to }) => `${to.channel ?? to.type} ${state}`)
  assert.deepEqual(stand.toSorted(), ['healthcheck delivered', 'ops delivered'])
  const { payload, id } = receiver.got[0] ?? {}
  assert.equal(payload?.data.text, 'a job success')
  assert.equal(id, deliveries.find(({ to }) => to.channel === 'ops').id)
  assert.deepEqual(
    [health.got.map(({ signal }) => signal).toSorted(), mail.got.length],
    [['start', 'success'], 0],
  )
})

test('a channel that is switched off is sent nothing, and the delivery says so', async (t) => {
  const receiver = await startWebhookReceiver(signingSecret)
  t.after(() => receiver.close())
  await putChannel(service, 'off', { type: 'webhook', url: receiver.url, secrets: [signingSecret] })
  receiver.behave({ does: 'answer', status: 410 })
  const [first] = await runJob({ deliver: 'off' })
  assert.deepEqual([first.state, first.error.code], ['failed', 'HTTP_STATUS'])
  assert.notEqual((await channel('off')).disabled_at, null)
  const [second] = await runJob({ deliver: 'off' })
  assert.deepEqual(
    [second.state, second.error.code, receiver.calls.length],
    ['failed', 'CHANNEL_DISABLED', 1],
  )
})

test('a job that says nothing of deliveries tells the default channels; one that says "none" tells nobody', async (t) => {
  const receiver = await startSlackReceiver()
  t.after(async () => {
    await service.api('DELETE', '/api/channels/everything')
    await receiver.close()
  })
  await putChannel(service, 'everything', { type: 'slack', url: receiver.url, default_on: 'success' })
  const told = await runJob({})
  assert.deepEqual(
    told.map(({ to, state }) => [to.channel, state]),
    [['everything', 'delivered']],
  )
  assert.deepEqual(await runJob({ deliver: 'none' }), [])
  assert.equal(receiver.got.length, 1)
})
