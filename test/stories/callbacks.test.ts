import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { type TestContext, test } from 'node:test'
import type { Service } from '../support/service.ts'
import { setup } from './setup.ts'
import { until } from '../support/until.ts'

const deadline_ms = 3_600_000
const inAnHour = '2026-06-18T09:00:00.000Z'

/** A job whose target takes the work and reports later. */
async function asyncJob({ target, makeJob }: Service, fields: Record<string, unknown> = {}) {
  target.behave('/hook', { does: 'status', value: 202, body: 'queued' })
  const action = { type: 'http', url: `${target.url}/hook`, callback: { deadline_ms } }
  return makeJob({ action, schedule: '0 9 19 6 *', ...fields })
}

async function report(url: string, body: unknown = { state: 'succeeded' }, raw?: string) {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(url, { method: 'POST', headers, body: raw ?? JSON.stringify(body) })
  return { status: response.status, body: (await response.json()) as { code?: string } }
}

/** A run that waits for its target, and the address that the target was told. */
async function waiting(t: TestContext, fields: Record<string, unknown> = {}) {
  const stage = await setup(t)
  const job = await asyncJob(stage.service, fields)
  const runId = await stage.start(job.id)
  const run = await stage.ended(runId, 'waiting')
  const callback = () => stage.service.target.calls.at(-1)?.headers['x-chronos-callback'] ?? ''
  return { ...stage, job, run, runId, callback }
}

test('a run whose target reports later holds no process up: NAS calls at the deadline', async (t) => {
  const { job, run, atRest, armedAt, callback, service } = await waiting(t)
  assert.equal(run.callback_until, inAnHour)
  assert.ok(callback().startsWith(`${service.url}/api/callbacks/`))
  await atRest()
  assert.equal(armedAt(job.id), inAnHour)
})

test('a target reports once: the run is over with its output, the wake-up is the next slot', async (t) => {
  const { service, job, runId, callback, ended } = await waiting(t)
  assert.deepEqual(await report(callback(), { state: 'succeeded', output: { rows: 3 } }), {
    status: 200,
    body: { ok: true },
  })
  const run = await ended(runId)
  assert.deepEqual([run.state, run.output, run.callback_until], ['succeeded', '{"rows":3}', null])
  const repeated = await report(callback(), { state: 'failed' })
  assert.deepEqual([repeated.status, repeated.body.code], [410, 'CALLBACK_GONE'])
  assert.equal((await ended(runId)).state, 'succeeded')
  const { body } = await service.api('GET', `/api/jobs/${job.id}/arm`)
  assert.equal(body.wake_at, '2026-06-19T09:00:00.000Z')
})

test('a process that starts later takes the report of a run that another one began', async (t) => {
  const { service, runId, callback } = await waiting(t)
  await service.app.drain()
  const second = await setup(t, { with: service, begin: false })
  const { pathname } = new URL(callback())
  assert.equal((await report(second.service.url + pathname)).status, 200)
  assert.equal((await second.ended(runId)).state, 'succeeded')
})

for (const error of ['disk full', { message: 'disk full' }]) {
  test(`a reported failure is the run's, with its message: ${JSON.stringify(error)}`, async (t) => {
    const { runId, callback, ended } = await waiting(t)
    await report(callback(), { state: 'failed', error, output: 'half of it' })
    const run = await ended(runId)
    assert.deepEqual(
      [run.state, run.error, run.output],
      ['failed', { code: 'TARGET_FAILED', message: 'disk full' }, 'half of it'],
    )
  })
}

test('a reported failure is tried again as the job says, each attempt under an address of its own', async (t) => {
  const retry = { attempts: 2, backoff: 'fixed', delay_ms: 0 }
  const { service, runId, callback, ended } = await waiting(t, { retry })
  const first = callback()
  await report(first, { state: 'failed' })
  await service.target.waitFor(2)
  await ended(runId, 'waiting')
  assert.notEqual(callback(), first)
  assert.equal((await report(first)).status, 410)
  assert.equal((await report(callback())).status, 200)
  const run = await ended(runId)
  assert.deepEqual([run.state, run.attempt, run.attempts.length], ['succeeded', 2, 2])
})

test('a target that does not report by the deadline has timed out, and its report comes too late', async (t) => {
  const { service, job, runId, callback, runOf, atRest } = await waiting(t)
  await atRest()
  service.setClock(inAnHour)
  const { status } = await service.fire({ job_id: job.id, fire_at: inAnHour })
  const run = await runOf(runId)
  assert.deepEqual([status, run.state, run.error.code], [200, 'timed_out', 'CALLBACK_TIMEOUT'])
  assert.equal((await report(callback())).status, 410)
})

test('a run that waits can be cancelled, and its job deleted: the report comes too late', async (t) => {
  const { service, job, runId, callback, runOf } = await waiting(t)
  assert.equal((await service.api('POST', `/api/runs/${runId}/cancel`)).status, 202)
  assert.equal((await runOf(runId)).state, 'cancelled')
  assert.equal((await report(callback())).status, 410)
  await service.api('DELETE', `/api/jobs/${job.id}`)
  assert.deepEqual((await report(callback())).body.code, 'CALLBACK_GONE')
})

test('a report that comes before the 202 counts, and the 202 changes nothing any more', async (t) => {
  const { service, start, ended, atRest, runOf } = await setup(t)
  const calls: { url: string; response: ServerResponse }[] = []
  const target = createServer((request, response) => {
    calls.push({ url: String(request.headers['x-chronos-callback']), response })
  }).listen(0, '127.0.0.1')
  await once(target, 'listening')
  t.after(() => target.close())
  const { port } = target.address() as { port: number }
  const action = { type: 'http', url: `http://127.0.0.1:${port}/`, callback: { deadline_ms } }
  const runId = await start((await service.makeJob({ action })).id)
  const call = await until('the target is called', async () => calls[0])
  assert.equal((await report(call.url, { state: 'failed', error: 'at once' })).status, 200)
  const early = await ended(runId)
  call.response.writeHead(202).end()
  await atRest()
  assert.deepEqual(await runOf(runId), early)
  assert.deepEqual([early.state, early.error.message], ['failed', 'at once'])
})

test('what a target answers otherwise ends the run at once', async (t) => {
  const { service, start, ended } = await setup(t)
  const job = await asyncJob(service)
  service.target.behave('/hook', { does: 'status', value: 200 })
  const runId = await start(job.id)
  assert.equal((await ended(runId)).state, 'succeeded')
  const url = service.target.calls[0]?.headers['x-chronos-callback'] ?? ''
  assert.equal((await report(url)).status, 410)
})

for (const missing of ['ENCRYPTION_KEY', 'CALLBACK_URL']) {
  test(`without ${missing} nobody can report: the target is not called, and it is not tried again`, async (t) => {
    const env = { CRON_PROVIDER: 'builtin', [missing]: '' }
    const { service, start, ended } = await setup(t, { env })
    const job = await asyncJob(service, { retry: { attempts: 3 } })
    const run = await ended(await start(job.id))
    assert.deepEqual([run.state, run.error.code, run.attempt], ['failed', 'CALLBACK_UNAVAILABLE', 1])
    assert.match(run.error.message, new RegExp(missing))
    assert.equal(service.target.calls.length, 0)
  })
}
