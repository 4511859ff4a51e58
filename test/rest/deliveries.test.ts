import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setup } from '../stories/setup.ts'
import { codeOf } from './setup.ts'

const noId = '7d2c9f0e-1a2b-4c3d-8e4f-5a6b7c8d9e0f'

test('the deliveries of a run are listed in the order of its job, with what says whom and never how', async (t) => {
  const { service, channel, start, ended, delivery, deliveriesOf } = await setup(t)
  await channel('team', (end) => t.after(end))
  const url = 'http://127.0.0.1:1/ping/secret-path'
  const job = await service.makeJob({ deliver: ['team', { type: 'healthcheck', url }] })
  const runId = await start(job.id)
  await ended(runId)
  await delivery(runId, ({ state }) => state === 'delivered')
  await delivery(runId, ({ error }) => error)
  const [first, second] = await deliveriesOf(runId)
  const { id, ...rest } = first
  assert.match(id, /^[0-9a-f-]{36}$/)
  assert.deepEqual(rest, {
    run_id: runId,
    job_id: job.id,
    to: { channel: 'team' },
    event: 'success',
    state: 'delivered',
    attempt: 1,
    next_try_at: null,
    error: null,
    created_at: '2026-06-18T08:00:00.000Z',
    finished_at: '2026-06-18T08:00:00.000Z',
  })
  assert.deepEqual(
    [second.to, second.state, second.error.code, second.next_try_at, second.finished_at],
    [{ type: 'healthcheck' }, 'pending', 'CONNECTION_FAILED', '2026-06-18T08:00:10.000Z', null],
  )
  assert.ok(!JSON.stringify(second).includes('secret-path'))
})

test('only what has failed is sent once more', async (t) => {
  const { service, channel, start, delivery } = await setup(t)
  const receiver = await channel('team', (end) => t.after(end))
  const job = await service.makeJob({ deliver: 'team' })
  const retry = (runId: string, id: string) =>
    service.api('POST', `/api/runs/${runId}/deliveries/${id}/retry`)

  const told = await start(job.id)
  const delivered = await delivery(told, ({ state }) => state === 'delivered')
  assert.equal(codeOf(await retry(told, delivered.id)), '409 DELIVERY_STATE_CONFLICT')
  receiver.behave({ does: 'answer', status: 503 }, 1)
  const owing = await start(job.id)
  const pending = await delivery(owing, ({ error }) => error)
  assert.equal(codeOf(await retry(owing, pending.id)), '409 DELIVERY_STATE_CONFLICT')

  assert.equal(codeOf(await retry(told, noId)), '404 DELIVERY_NOT_FOUND')
  assert.equal(codeOf(await retry(told, pending.id)), '404 DELIVERY_NOT_FOUND')
  assert.equal(codeOf(await retry(noId, delivered.id)), '404 RUN_NOT_FOUND')
  assert.equal(codeOf(await service.api('GET', `/api/runs/${noId}/deliveries`)), '404 RUN_NOT_FOUND')
  assert.equal((await retry(told, 'nothing')).status, 400)
  assert.equal(receiver.calls.length, 2)
})

test('many who ask at once send it once', async (t) => {
  const { service, channel, start, delivery, atRest } = await setup(t)
  const receiver = await channel('team', (end) => t.after(end))
  receiver.behave({ does: 'answer', status: 404 }, 1)
  const job = await service.makeJob({ deliver: 'team' })
  const runId = await start(job.id)
  const { id } = await delivery(runId, ({ state }) => state === 'failed')
  const retry = () => service.api('POST', `/api/runs/${runId}/deliveries/${id}/retry`)
  const answers = await Promise.all(Array.from({ length: 8 }, retry))
  for (const answer of answers) assert.ok([202, 409].includes(answer.status), String(answer.status))
  await delivery(runId, ({ state }) => state === 'delivered')
  await atRest()
  assert.equal(receiver.calls.length, 2)
})
