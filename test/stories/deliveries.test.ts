import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setup } from './setup.ts'

const busy = { does: 'answer', status: 503 } as const
const received = (receiver: { calls: { headers: Record<string, string> }[] }) =>
  receiver.calls.map(({ headers }) => headers['webhook-id'])

test('a receiver that is busy is tried again when it wants, by another process, under the same id', async (t) => {
  const first = await setup(t)
  const receiver = await first.channel('team', (end) => t.after(end))
  receiver.behave({ ...busy, headers: { 'retry-after': '7200' } }, 1)
  const job = await first.service.makeJob({ deliver: 'team', schedule: '0 9 19 6 *' })
  const runId = await first.start(job.id)
  const owed = await first.delivery(runId, ({ state, error }) => state === 'pending' && error)
  assert.deepEqual(
    [owed.error.code, owed.attempt, owed.next_try_at],
    ['HTTP_STATUS', 1, '2026-06-18T10:00:00.000Z'],
  )
  assert.equal((await first.runOf(runId)).state, 'succeeded')
  await first.atRest()
  assert.equal(first.armedAt(job.id), '2026-06-18T10:00:00.000Z')

  await first.service.app.drain()
  const second = await setup(t, { with: first.service, begin: false })
  second.service.setClock('2026-06-18T10:00:00Z')
  const fired = await second.service.fire({ job_id: job.id, fire_at: '2026-06-18T10:00:00Z' })
  assert.deepEqual([fired.status, fired.body.status], [200, 'not_due'])
  const told = await second.delivery(runId, ({ state }) => state === 'delivered')
  assert.deepEqual([told.id, told.attempt, told.error], [owed.id, 2, null])
  assert.deepEqual(received(receiver), [owed.id, owed.id])
})

test('a delivery that fails for good leaves its run as it was, and can be sent once more', async (t) => {
  const { service, channel, start, delivery, runOf } = await setup(t)
  const receiver = await channel('team', (end) => t.after(end))
  receiver.behave({ does: 'answer', status: 404 }, 1)
  const job = await service.makeJob({ deliver: 'team' })
  const runId = await start(job.id)
  const { id, attempt } = await delivery(runId, ({ state }) => state === 'failed')
  const run = await runOf(runId)
  assert.deepEqual([attempt, run.state, run.error], [1, 'succeeded', null])
  const { body } = await service.api('GET', `/api/jobs/${job.id}`)
  assert.deepEqual([body.job.last_status, body.job.failure_streak], ['ok', 0])
  assert.equal((await service.api('POST', `/api/runs/${runId}/deliveries/${id}/retry`)).status, 202)
  assert.equal((await delivery(runId, ({ state }) => state === 'delivered')).attempt, 2)
  assert.deepEqual(received(receiver), [id, id])
})

test('a failed delivery to a receiver that the job describes is sent again to the same address, as described', async (t) => {
  const { service, start, delivery } = await setup(t)
  service.target.behave('/told', { does: 'status', value: 404, times: 1 })
  await service.api('PUT', '/api/secrets/TOLD', { value: `${service.target.url}/told` })
  const receiver = { type: 'slack', url: '{{secrets.TOLD}}', template: 'run {{run.id}} is over' }
  const job = await service.makeJob({ deliver: receiver })
  const runId = await start(job.id)
  const { id } = await delivery(runId, ({ state }) => state === 'failed')
  assert.equal((await service.api('POST', `/api/runs/${runId}/deliveries/${id}/retry`)).status, 202)
  await delivery(runId, ({ attempt, state }) => attempt === 2 && state !== 'pending')
  const texts = service.target.calls.filter(({ path }) => path === '/told').map(({ body }) => body)
  assert.equal(texts.length, 2)
  assert.ok(
    texts.every((text) => text.includes(`run ${runId} is over`)),
    texts.join(),
  )
})

test('the lease of a try that lapses is the next try, by whoever is there; what becomes of the first changes nothing', async (t) => {
  const first = await setup(t)
  const receiver = await first.channel('team', (end) => t.after(end))
  receiver.behave({ does: 'hang' }, 1)
  const job = await first.service.makeJob({ deliver: 'team', schedule: '0 9 19 6 *' })
  const runId = await first.start(job.id)
  await receiver.until(() => receiver.calls.length === 1)

  receiver.behave(busy)
  const second = await setup(t, { with: first.service, begin: false })
  second.service.setClock('2026-06-18T08:01:02Z')
  assert.deepEqual((await second.service.fire({ job_id: job.id })).body.status, 'not_due')
  const owed = await second.delivery(runId, ({ attempt, error }) => attempt === 2 && error)
  assert.deepEqual(received(receiver), [owed.id, owed.id])

  await receiver.close()
  await first.atRest()
  assert.deepEqual(await second.deliveriesOf(runId), [owed])
})

test('what a process still owes when it goes down is given back, and its next try is the first', async (t) => {
  const first = await setup(t)
  const receiver = await first.channel('team', (end) => t.after(end))
  first.service.target.behave('/hook', { does: 'hang' })
  const job = await first.service.makeJob({ deliver: 'team', schedule: '0 9 19 6 *' })
  const runId = await first.start(job.id)
  await first.service.target.waitFor(1)
  await first.service.app.drain()
  assert.equal(receiver.calls.length, 0)

  const second = await setup(t, { with: first.service, begin: false })
  second.service.setClock('2026-06-18T08:00:05Z')
  await second.service.fire({ job_id: job.id })
  const told = await second.delivery(runId, ({ state }) => state === 'delivered')
  assert.deepEqual([told.event, told.attempt], ['failure', 1])
  assert.equal((await second.runOf(runId)).state, 'interrupted')
})

test('a fire of a paused job that owes a delivery sends it, and is answered when the wake-up is armed', async (t) => {
  const { service, channel, start, delivery, atRest, armedAt } = await setup(t)
  const receiver = await channel('team', (end) => t.after(end))
  receiver.behave({ ...busy, headers: { 'retry-after': '7200' } }, 1)
  const job = await service.makeJob({ deliver: 'team' })
  const runId = await start(job.id)
  await delivery(runId, ({ error }) => error)
  await service.api('POST', `/api/jobs/${job.id}/pause`)
  await atRest()
  assert.equal(armedAt(job.id), '2026-06-18T10:00:00.000Z')
  receiver.behave({ does: 'hang' })
  service.setClock('2026-06-18T10:00:00Z')
  const { status, body } = await service.fire({ job_id: job.id, fire_at: '2026-06-18T10:00:00Z' })
  assert.deepEqual([status, body.status], [200, 'inactive'])
  // the watchdog of the try that is under way
  assert.ok(Date.parse(armedAt(job.id) ?? '') >= Date.parse('2026-06-18T10:01:00Z'))
  await receiver.until(() => receiver.calls.length === 2)
  await receiver.close()
})

test('the deliveries of a deleted job are gone with it', async (t) => {
  const { service, channel, start, delivery, atRest } = await setup(t)
  const receiver = await channel('team', (end) => t.after(end))
  receiver.behave({ ...busy, headers: { 'retry-after': '7200' } })
  const job = await service.makeJob({ deliver: 'team' })
  const runId = await start(job.id)
  await delivery(runId, ({ error }) => error)
  assert.equal((await service.api('DELETE', `/api/jobs/${job.id}`)).status, 200)
  await atRest()
  assert.equal((await service.api('GET', `/api/runs/${runId}/deliveries`)).status, 404)
  const [{ n }] = (await service.database.sql`select count(*)::int as n from deliveries`) as unknown as [
    { n: number },
  ]
  assert.equal(n, 0)
  assert.deepEqual(service.nas.armed(), [])
})

test('whom a job tells is what it says when its run ends, also where that was changed meanwhile', async (t) => {
  const { service, channel, start, delivery } = await setup(t)
  const receiver = await channel('team', (end) => t.after(end))
  // it has to last until the change is made
  service.target.behave('/hook', { does: 'slow', value: 3_000 })
  const job = await service.makeJob({ deliver: 'none' })
  const runId = await start(job.id)
  await service.target.waitFor(1)
  await service.api('PATCH', `/api/jobs/${job.id}`, { deliver: 'team' })
  await delivery(runId, ({ state }) => state === 'delivered')
  assert.equal(receiver.calls.length, 1)
})

test('a failure is told once per incident, then its end; `none` tells nobody', async (t) => {
  const { service, channel, start, ended, atRest } = await setup(t)
  const receiver = await channel('team', (end) => t.after(end))
  const job = await service.makeJob({ deliver: 'team' })
  for (const value of [500, 500, 200]) {
    service.target.behave('/hook', { does: 'status', value })
    await ended(await start(job.id))
  }
  await receiver.waitFor(2)
  const silent = await service.makeJob({ deliver: 'none' })
  await ended(await start(silent.id))
  await atRest()
  assert.deepEqual(
    receiver.got.map(({ payload }) => payload?.type),
    ['run.failed', 'run.recovered'],
  )
})

test('a message names the address of its run where the service has one of its own', async (t) => {
  const { service, channel, start } = await setup(t)
  const receiver = await channel('team', (end) => t.after(end))
  const job = await service.makeJob({ deliver: 'team' })
  const runId = await start(job.id)
  const [got] = await receiver.waitFor(1)
  assert.equal(got?.payload?.data['link'], `${service.url}/runs/${runId}`)
})
