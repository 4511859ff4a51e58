import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Json, type Service, startService } from '../support/service.ts'
import { change, hook, lastRun, readJob } from './setup.ts'
import { until } from '../support/until.ts'

// On Postgres' own clock: NAS stands still here, so whatever comes by itself was waited for in this process.

let service: Service
before(async () => {
  service = await startService()
})
after(() => service.close())

async function runOnce(path: string, fields: object): Promise<{ job: Json; run: Json }> {
  const job = await service.makeJob({ action: hook(service, path), ...fields })
  await service.api('POST', `/api/jobs/${job.id}/run`)
  return { job, run: await lastRun(service, job.id) }
}

const statesOf = (run: Json) => (run.attempts as Json[]).map(({ state }) => state)

test('a short wait for the next attempt is waited for in this process', async () => {
  service.target.behave('/short', { does: 'status', value: 500, times: 2 })
  const { run } = await runOnce('/short', { retry: { attempts: 3, backoff: 'fixed', delay_ms: 30 } })
  assert.deepEqual(
    [run.state, run.attempt, statesOf(run)],
    ['succeeded', 3, ['failed', 'failed', 'succeeded']],
  )
})

test("the target's Retry-After is waited for, also where the back-off is shorter", async () => {
  service.target.behave('/after', { does: 'status', value: 429, headers: { 'retry-after': '1' }, times: 1 })
  const { run } = await runOnce('/after', { retry: { attempts: 2, delay_ms: 0 } })
  const [first, second] = run.attempts
  assert.equal(run.state, 'succeeded')
  assert.ok(Date.parse(second.started_at) - Date.parse(first.finished_at) >= 1_000)
})

test('a target that answers `X-Chronos-Retry: no` gets no further attempt', async () => {
  const headers = { 'x-chronos-retry': 'no' }
  service.target.behave('/final', { does: 'status', value: 500, headers })
  const { run } = await runOnce('/final', { retry: { attempts: 5, delay_ms: 0 } })
  assert.deepEqual([run.state, run.attempt], ['failed', 1])
})

test('only the ends that `retry.on` names are tried again', async () => {
  service.target.behave('/named', { does: 'hang' })
  const retry = { attempts: 3, delay_ms: 0, on: ['failed'] }
  const { run } = await runOnce('/named', { retry, timeout_ms: 50 })
  assert.deepEqual([run.state, run.attempt], ['timed_out', 1])
})

test('`timeout_ms` ends an attempt, also where the action would wait for longer', async () => {
  service.target.behave('/slow', { does: 'hang' })
  const { run } = await runOnce('/slow', {
    timeout_ms: 60,
    action: { ...hook(service, '/slow'), timeout_ms: 30_000 },
  })
  assert.deepEqual([run.state, run.error.code], ['timed_out', 'TIMEOUT'])
  assert.ok(run.duration_ms < 20_000)
})

test('a job pauses itself after so many failures in a row, says why, and wants no wake-up', async () => {
  service.target.behave('/bad', { does: 'status', value: 500 })
  const { job } = await runOnce('/bad', { pause_after: 2 })
  await service.api('POST', `/api/jobs/${job.id}/run`)
  await lastRun(service, job.id, 2)
  const paused = await readJob(service, job.id)
  assert.deepEqual(
    [paused.state, paused.enabled, paused.armed, paused.failure_streak],
    ['paused', false, false, 2],
  )
  assert.match(paused.paused_reason, /^2 failures in a row; the last: HTTP_STATUS/)
  await until('NAS holds nothing', () => !service.nas.armed().some(({ job_id }) => job_id === job.id))
  const { body } = await service.api('POST', `/api/jobs/${job.id}/resume`)
  assert.deepEqual([body.job.state, body.job.failure_streak], ['scheduled', 0])
})

test('a wait that is longer than the idle limit goes through NAS, with no process alive in between', async (t) => {
  const first = await startService({ clock: '2026-06-18T08:00:00Z', env: { IDLE_EXIT_MS: '30000' } })
  const { database, nas, target } = first
  const later: Service[] = []
  t.after(async () => {
    for (const each of later) await each.app.drain()
    await nas.close()
    await target.close()
    await database.drop()
  })
  target.behave('/long', { does: 'status', value: 500, times: 1 })
  const job = await first.makeJob({
    action: hook(first, '/long'),
    retry: { attempts: 2, backoff: 'fixed', delay_ms: 600_000 },
  })
  await first.api('POST', `/api/jobs/${job.id}/run`)
  await until('the wake-up is armed for the next attempt', async () => {
    const { body } = await first.api('GET', `/api/jobs/${job.id}/arm`)
    return body.armed && body.wake_at === '2026-06-18T08:10:00.000Z'
  })
  await until('nothing but this very request holds the process', async () => {
    const { body } = await first.api('GET', '/api/status')
    return Object.keys(body.process.holds).every((kind) => kind === 'request' || kind === 'boot')
  })
  const wakeAt = nas.armed().find(({ job_id }) => job_id === job.id)?.fire_at
  assert.ok(wakeAt && Date.parse(wakeAt) <= Date.parse('2026-06-18T08:10:00Z'))
  await first.app.drain()

  const second = await startService({ database, nas, target, clock: '2026-06-18T08:10:00Z' })
  later.push(second)
  const { status } = await second.fire({ job_id: job.id, fire_at: wakeAt })
  assert.equal(status, 202)
  const run = await lastRun(second, job.id)
  assert.deepEqual([run.state, run.attempt, target.calls.length], ['succeeded', 2, 2])
})

test('a wait that is shorter than the idle limit is held here', async (t) => {
  const own = await startService({ clock: '2026-06-18T08:00:00Z', env: { IDLE_EXIT_MS: '900000' } })
  t.after(() => own.close())
  own.target.behave('/near', { does: 'status', value: 500 })
  const retry = { attempts: 2, backoff: 'fixed', delay_ms: 600_000 }
  const job = await own.makeJob({ action: hook(own, '/near'), retry })
  await own.api('POST', `/api/jobs/${job.id}/run`)
  await until('a timer', async () => (await own.api('GET', '/api/status')).body.process.holds.timer === 1)
})

test('POST /api/runs/{id}/retry of a finished run makes a new one with the same input and no slot', async () => {
  const { api } = service
  const job = await service.makeJob({ action: hook(service, '/again') })
  const first = await api('POST', `/api/jobs/${job.id}/run`, { input: { page: 7 } })
  await lastRun(service, job.id)
  const { status, headers, body } = await api('POST', `/api/runs/${first.body.run.id}/retry`)
  assert.equal(status, 202)
  assert.notEqual(body.run.id, first.body.run.id)
  assert.equal(headers.get('location'), `/api/runs/${body.run.id}`)
  assert.deepEqual([body.run.trigger, body.run.slot, body.run.input], ['retry', null, { page: 7 }])
  assert.deepEqual([body.job.id, body.job.next_run_at], [job.id, job.next_run_at])
  assert.equal((await lastRun(service, job.id, 2)).state, 'succeeded')
})

test('a run that has not finished, or whose job has a live run, is not retried; that its job is paused is no obstacle', async () => {
  const { api, target } = service
  const codeOf = async (id: string) => {
    const { status, body } = await api('POST', `/api/runs/${id}/retry`)
    return `${status} ${body.code}`
  }
  const job = await service.makeJob({ action: hook(service, '/busy') })
  const done = (await api('POST', `/api/jobs/${job.id}/run`)).body.run.id
  await lastRun(service, job.id)
  target.behave('/busy', { does: 'hang' })
  const live = (await api('POST', `/api/jobs/${job.id}/run`)).body.run.id
  assert.equal(await codeOf(live), '409 RUN_STATE_CONFLICT')
  assert.equal(await codeOf(done), '409 JOB_STATE_CONFLICT')
  assert.equal((await api('POST', `/api/runs/${live}/cancel`)).status, 202)
  await api('POST', `/api/jobs/${job.id}/pause`)
  assert.equal(await codeOf(done), '202 undefined')
  assert.equal(await codeOf('00000000-0000-4000-8000-000000000000'), '404 RUN_NOT_FOUND')
  await change(service, job.id, { name: 'still there' })
})
