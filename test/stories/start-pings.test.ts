import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startHealthcheckReceiver } from '../../dev/receivers/index.ts'
import { setup } from './setup.ts'
import { until } from '../support/until.ts'
import { assertTook } from '../support/limits.ts'

const check = '/ping/073305d2-3582-4dd6-b6a3-425e88583ca2'

test('a health check hears that an attempt begins and how its run ends, by the id of the run', async (t) => {
  const { service, start, ended } = await setup(t)
  const health = await startHealthcheckReceiver()
  t.after(() => health.close())
  await service.api('PUT', '/api/channels/beat', { type: 'healthcheck', url: health.url + check })
  service.target.behave('/hook', { does: 'slow', value: 300 })
  const job = await service.makeJob({ deliver: 'beat' })
  const runId = await start(job.id)
  await ended(runId)
  await health.waitFor(2)
  assert.deepEqual(
    health.got.map(({ signal, run }) => [signal, run]),
    [
      ['start', runId],
      ['success', runId],
    ],
  )
  const { body } = await service.api('GET', `/api/runs/${runId}/deliveries`)
  assert.equal(body.deliveries.length, 1)
})

test('a check that is never told of a success is not told of a start either, nor one whose run may find nothing to do', async (t) => {
  const { service, start, ended, atRest } = await setup(t)
  const health = await startHealthcheckReceiver()
  t.after(() => health.close())
  const ping = { type: 'healthcheck', url: health.url + check }
  const failing = await service.makeJob({ deliver: { ...ping, on: 'failure' } })
  const when = { type: 'http', url: `${service.target.url}/gate` }
  const gated = await service.makeJob({
    deliver: ping,
    action: { type: 'http', url: `${service.target.url}/hook`, when },
  })
  for (const job of [failing, gated]) await ended(await start(job.id))
  await atRest()
  assert.deepEqual(
    health.got.map(({ signal }) => signal),
    ['success'],
  )
})

test('a check that does not answer delays no attempt, and its start is not told after the end', async (t) => {
  const { service, start, ended, atRest, delivery } = await setup(t)
  const health = await startHealthcheckReceiver()
  t.after(() => health.close())
  health.behave({ does: 'hang' }, 1)
  service.target.behave('/hook', { does: 'hang', times: 1 })
  const job = await service.makeJob({ deliver: { type: 'healthcheck', url: health.url + check } })
  const startedAt = performance.now()
  const runId = await start(job.id)
  await service.target.waitFor(1)
  await health.until(() => health.calls.length === 1)
  assert.ok((await until('the ping is a hold', async () => service.app.holds.byKind().delivery)) >= 1)
  await service.api('POST', `/api/runs/${runId}/cancel`)
  await ended(runId)
  await atRest()
  assertTook(performance.now() - startedAt, 4_000, 'what does not wait for the limit of the ping')

  const quick = await start(job.id)
  await delivery(quick, ({ state }) => state === 'delivered')
})
