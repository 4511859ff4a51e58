import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setup } from './setup.ts'
import { until } from '../support/until.ts'

/** Job A, which calls `/hook`, and job B after it, which calls `/b` with what A gives it. */
async function chain(t: TestContext, { on, ...fields }: { on?: unknown; [field: string]: unknown } = {}) {
  const stage = await setup(t)
  const { service } = stage
  const a = await service.makeJob({ name: 'A', deliver: 'none' })
  const body = 'got {{input.output}} of {{input.job.name}}'
  const b = await service.makeJob({
    ...{ name: 'B', schedule: undefined, deliver: 'none', ...fields },
    after: { job: a.id, ...(on !== undefined && { on }) },
    action: { type: 'http', url: `${service.target.url}/b`, body },
  })
  const calls = () => service.target.calls.filter(({ path }) => path === '/b')
  return { ...stage, a, b, calls }
}

test('a job that follows another one is started with its outcome, by its delivery, and knows who started it', async (t) => {
  const { service, a, b, calls, start, ended, delivery, runsOf, runOf } = await chain(t)
  assert.deepEqual(
    [b.schedule.kind, b.state, b.next_run_at, b.after],
    ['after', 'scheduled', null, { job: a.id, on: ['success'] }],
  )
  service.target.behave('/hook', { does: 'status', value: 200, body: 'three rows' })
  const runId = await start(a.id)
  const told = await delivery(runId, ({ state }) => state === 'delivered')
  assert.deepEqual([told.to, told.event, told.attempt], [{ job: b.id }, 'success', 1])
  const [listed] = await runsOf(b.id)
  const run = await ended(listed.id)
  const ahead = await runOf(runId)
  assert.deepEqual([run.id, run.trigger, run.slot, run.state], [told.id, 'after', null, 'succeeded'])
  assert.deepEqual(run.input, {
    job: { id: a.id, name: 'A' },
    run: { id: runId, slot: null, state: 'succeeded' },
    output: ahead.output,
    error: null,
  })
  assert.match(calls()[0]?.body ?? '', /^got HTTP 200[^]*three rows of A$/)
  const { body } = await service.api('GET', `/api/jobs/${b.id}`)
  assert.deepEqual([body.job.state, body.job.next_run_at], ['scheduled', null])
})

test('a failure starts those that follow failures, with the error', async (t) => {
  const { service, a, b, start, ended, runsOf, atRest } = await chain(t, { on: 'failure' })
  await ended(await start(a.id))
  await atRest()
  assert.deepEqual(await runsOf(b.id), [])
  service.target.behave('/hook', { does: 'status', value: 500 })
  for (const times of [1, 2]) {
    await ended(await start(a.id))
    const runs = await until(`B has run ${times} times`, async () => {
      const all = await runsOf(b.id)
      return all.length === times && all
    })
    assert.equal((await ended(runs[0].id)).input.error.code, 'HTTP_STATUS')
  }
})

test('a chain of three runs in order', async (t) => {
  const { service, b, a, start, runsOf } = await chain(t)
  const action = { type: 'http', url: `${service.target.url}/c` }
  const c = await service.makeJob({ schedule: undefined, after: { job: b.id, on: 'always' }, action })
  await start(a.id)
  await until('C has run', async () => (await runsOf(c.id)).length === 1)
  await service.target.waitFor(3)
  assert.deepEqual(
    service.target.calls.map(({ path }) => path),
    ['/hook', '/b', '/c'],
  )
})

test('however often it is tried, one run is started', async (t) => {
  const { service, a, b, calls, start, delivery, runsOf, atRest } = await chain(t)
  const runId = await start(a.id)
  const { id } = await delivery(runId, ({ state }) => state === 'delivered')
  await service.target.waitFor(2)
  // as if its process had died before it could write that it had started the job
  for (const attempt of [2, 3]) {
    await service.database.sql`
      update deliveries set state = 'failed', error_code = 'LEASE_LAPSED' where id = ${id}`
    assert.equal((await service.api('POST', `/api/runs/${runId}/deliveries/${id}/retry`)).status, 202)
    await delivery(runId, (one) => one.state === 'delivered' && one.attempt === attempt)
  }
  await atRest()
  assert.deepEqual(
    (await runsOf(b.id)).map((run) => run.id),
    [id],
  )
  assert.equal(calls().length, 1)
})

test('a paused job is not started: the delivery has failed and says why, and can be made once more', async (t) => {
  const { service, a, b, start, ended, delivery, runsOf } = await chain(t)
  await service.api('POST', `/api/jobs/${b.id}/pause`)
  const runId = await start(a.id)
  const { id, error } = await delivery(runId, ({ state }) => state === 'failed')
  assert.deepEqual([error.code, error.message], ['JOB_STATE_CONFLICT', 'The job is paused. Resume it first.'])
  assert.equal((await ended(runId)).state, 'succeeded')
  await service.api('POST', `/api/jobs/${b.id}/resume`)
  assert.equal((await service.api('POST', `/api/runs/${runId}/deliveries/${id}/retry`)).status, 202)
  await delivery(runId, ({ state }) => state === 'delivered')
  assert.equal((await runsOf(b.id)).length, 1)
})

test('a job that is busy and may be queued is started later', async (t) => {
  const { service, a, b, calls, start, ended, delivery, runsOf, passTo } = await chain(t, {
    overlap: 'queue',
  })
  service.target.behave('/b', { does: 'hang', times: 1 })
  await start(b.id)
  await service.target.waitFor(1)
  const runId = await start(a.id)
  const owed = await delivery(runId, ({ error }) => error)
  assert.deepEqual(
    [owed.state, owed.error.code, owed.next_try_at],
    ['pending', 'JOB_BUSY', '2026-06-18T08:00:10.000Z'],
  )
  const [live] = await runsOf(b.id)
  await service.api('POST', `/api/runs/${live.id}/cancel`)
  await passTo('2026-06-18T08:00:10Z')
  await delivery(runId, ({ state }) => state === 'delivered')
  assert.equal((await ended(owed.id)).state, 'succeeded')
  assert.equal(calls().length, 2)
})

test('a job that is busy and skips what overlaps is not started', async (t) => {
  const { service, a, b, start, delivery, runsOf } = await chain(t)
  service.target.behave('/b', { does: 'hang' })
  await start(b.id)
  await service.target.waitFor(1)
  const runId = await start(a.id)
  const { error } = await delivery(runId, ({ state }) => state === 'failed')
  assert.equal(error.code, 'JOB_STATE_CONFLICT')
  assert.match(error.message, /has not finished, and the job allows 1 at a time \(overlap: skip\)/)
  assert.equal((await runsOf(b.id)).length, 1)
})

test('with repeats a follower is finished after so many chained runs', async (t) => {
  const { service, a, b, start, delivery, runsOf, ended } = await chain(t, { repeat: 1 })
  await start(a.id).then((runId) => delivery(runId, ({ state }) => state === 'delivered'))
  const [run] = await runsOf(b.id)
  await ended(run.id)
  await until(
    'B is finished',
    async () => (await service.api('GET', `/api/jobs/${b.id}`)).body.job.state === 'completed',
  )
  const { error } = await start(a.id).then((runId) => delivery(runId, ({ state }) => state === 'failed'))
  assert.equal(error.code, 'JOB_STATE_CONFLICT')
})

test('a job that begins to follow while a run is in flight is started by it', async (t) => {
  const { service, start, runsOf } = await setup(t)
  service.target.behave('/hook', { does: 'slow', value: 300 })
  const a = await service.makeJob()
  await start(a.id)
  await service.target.waitFor(1)
  const action = { type: 'http', url: `${service.target.url}/b` }
  const b = await service.makeJob({ schedule: undefined, after: { job: a.id }, action })
  await until('B has run', async () => (await runsOf(b.id)).length === 1)
})
