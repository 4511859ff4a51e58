import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Json, Service } from '../support/service.ts'
import { setup } from './setup.ts'
import { until } from '../support/until.ts'

// The timer service loses a row: no one fires that job any more. Whatever wakes the process finds it.

/** NAS holds nothing for the job any more, and no one was told. */
function lose({ nas }: Service, jobId: string) {
  nas.lose(jobId)
  assert.ok(nas.armed().every((arm) => arm.job_id !== jobId))
}

async function statusOf({ api }: Service): Promise<Json> {
  return (await api('GET', '/api/status')).body
}

async function isArmed({ api }: Service, id: string): Promise<boolean> {
  return (await api('GET', `/api/jobs/${id}`)).body.job.armed
}

test('a job whose wake-up was lost runs at the next fire of another job, and is armed again', async (t) => {
  const { service, passTo, runsOf, armedAt, ended, atRest } = await setup(t)
  const lost = await service.makeJob({ schedule: '30 8 * * *' })
  const other = await service.makeJob({ schedule: '0 9 * * *' })
  await atRest()
  lose(service, lost.id)

  await passTo('2026-06-18T08:31:01Z')
  assert.equal(await isArmed(service, lost.id), false)
  assert.equal(await isArmed(service, other.id), true)
  const shown = await statusOf(service)
  assert.deepEqual([shown.status, shown.owed.lost_wakes, shown.owed.arms], ['degraded', 1, 0])
  const { body: metrics } = await service.api('GET', '/metrics')
  assert.match(metrics, /^chronos_wakes_lost 1$/m)

  await passTo('2026-06-18T09:00:00Z')
  const [run] = await until('the lost job has run', async () => {
    const runs = await runsOf(lost.id)
    return runs.length > 0 && runs
  })
  assert.deepEqual([run.slot, run.trigger], ['2026-06-18T08:30:00.000Z', 'catch_up'])
  await ended(run.id, 'succeeded')
  await until(
    'it is armed for the next day',
    async () => armedAt(lost.id) === '2026-06-19T08:30:00.000Z' || null,
  )
  await until('it counts as armed', async () => (await isArmed(service, lost.id)) || null)
  assert.equal((await statusOf(service)).status, 'ok')
  assert.equal(service.nas.fires(lost.id).length, 0)
})

test('a job whose wake-up is only a moment late is left to its fire', async (t) => {
  const { service, passTo, runsOf, atRest } = await setup(t)
  const late = await service.makeJob({ schedule: '30 8 * * *' })
  await service.makeJob({ schedule: '30 8 * * *' })
  await atRest()
  lose(service, late.id)
  await passTo('2026-06-18T08:30:50Z')
  await atRest()
  assert.deepEqual(await runsOf(late.id), [])
})

test('a one-shot, a retry and a lapsed lease that were lost are found alike', async (t) => {
  const { service, passTo, runsOf } = await setup(t)
  service.target.behave('/flaky', { does: 'status', value: 500, times: 1 })
  const once = await service.makeJob({ schedule: '2026-06-18T08:20:00Z' })
  const retried = await service.makeJob({
    schedule: '5 8 * * *',
    retry: { attempts: 2, delay_ms: 600_000, backoff: 'fixed' },
    action: { type: 'http', url: `${service.target.url}/flaky` },
  })
  const held = await service.makeJob({ schedule: '5 8 * * *' })
  await service.makeJob({ schedule: '0 9 * * *' })
  await passTo('2026-06-18T08:05:00Z')
  await until('the first attempt has failed', async () => {
    const [run] = await runsOf(retried.id)
    return run?.state === 'claimed' && run.attempts.length === 1
  })
  await until('the other has run', async () => (await runsOf(held.id))[0]?.state === 'succeeded' || null)
  // as another process left it that died: its lease ends at 08:10
  await service.database.sql`
    update runs set state = 'running', finished_at = null, owner = 'dead:one', lease_until = '2026-06-18T08:10:00Z'
    where job_id = ${held.id}`
  await service.database
    .sql`update job_runtime set wake_at = '2026-06-18T08:10:02Z' where job_id = ${held.id}`
  for (const { id } of [once, retried, held]) lose(service, id)

  await passTo('2026-06-18T09:00:00Z')
  await until('the one-shot ran', async () => (await runsOf(once.id))[0]?.state === 'succeeded' || null)
  await until('the retry ran', async () => (await runsOf(retried.id))[0]?.state === 'succeeded' || null)
  await until('the lease was ended', async () => (await runsOf(held.id))[0]?.state === 'interrupted' || null)
})

test('with SENTINEL the job with the farthest wake time is armed a day ahead at most, all others are not', async (t) => {
  const { service, passTo, armedAt, atRest } = await setup(t, { env: { SENTINEL: 'on' } })
  const near = await service.makeJob({ schedule: '0 0 21 6 *' })
  await until(
    'the only job is armed a day ahead',
    async () => armedAt(near.id) === '2026-06-19T08:00:00.000Z',
  )
  const far = await service.makeJob({ schedule: '0 0 1 7 *' })
  await until('the farther one is', async () => armedAt(far.id) === '2026-06-19T08:00:00.000Z')
  // NAS has the row before the service has stored that it has.
  await until('it is shown as armed', async () => (await isArmed(service, far.id)) || null)

  await passTo('2026-06-19T08:00:00Z')
  await until('it is armed for the next day', async () => armedAt(far.id) === '2026-06-20T08:00:00.000Z')
  // a second earlier, because it was armed for its own instant before
  await until(
    'the other one is at its own instant',
    async () => armedAt(near.id) === '2026-06-20T23:59:59.000Z',
  )
  await atRest()
  const provisions = () => service.nas.requests('provision').filter(({ job_id }) => job_id === far.id).length
  const before = provisions()
  await passTo('2026-06-20T08:00:00Z')
  await until('and for the day after', async () => armedAt(far.id) === '2026-06-21T08:00:00.000Z')
  await atRest()
  assert.equal(provisions() - before, 2, 'two provisions a day')
  assert.equal(service.target.calls.length, 0)
})

test('with SENTINEL a lost wake-up is found within a day, although no other job is due', async (t) => {
  const { service, passTo, runsOf, armedAt, atRest } = await setup(t, { env: { SENTINEL: 'on' } })
  const once = await service.makeJob({ schedule: '2026-06-19T08:30:00Z' })
  const weekly = await service.makeJob({ schedule: '30 8 * * 5' })
  const far = await service.makeJob({ schedule: '0 0 1 1 *' })
  await until('NAS calls within a day', async () => armedAt(far.id) === '2026-06-19T08:00:00.000Z')
  await passTo('2026-06-19T08:00:00Z')
  await until('and again', async () => armedAt(far.id) === '2026-06-20T08:00:00.000Z')
  await atRest()
  for (const { id } of [once, weekly]) lose(service, id)
  await passTo('2026-06-20T08:00:00Z')
  await until('the one-shot has run', async () => (await runsOf(once.id))[0]?.state === 'succeeded' || null)
  await until('the other is armed again', async () => armedAt(weekly.id) === '2026-06-26T08:30:00.000Z')
  const { body } = await service.api('GET', `/api/jobs/${weekly.id}/slots?from=2026-06-19T00:00:00Z`)
  assert.deepEqual(
    (body.slots as Json[]).map(({ verdict }) => verdict),
    ['missed'],
    'a slot of a schedule is given up after its grace, and says so',
  )
})

test("with SENTINEL the sentinel's own wake-up, lost as well, is made again at the next fire", async (t) => {
  const { service, passTo, armedAt, atRest } = await setup(t, { env: { SENTINEL: 'on' } })
  const hourly = await service.makeJob({ schedule: '0 12 * * *' })
  const far = await service.makeJob({ schedule: '0 0 1 1 *' })
  await until('NAS calls within a day', async () => armedAt(far.id) === '2026-06-19T08:00:00.000Z')
  await atRest()
  lose(service, far.id)
  await passTo('2026-06-18T12:00:00Z')
  assert.equal(await isArmed(service, far.id), true, 'its instant lies ahead: nobody can know yet')
  await passTo('2026-06-19T12:00:00Z')
  await until('it is armed again', async () => armedAt(far.id) === '2026-06-20T12:00:00.000Z')
  assert.ok(armedAt(hourly.id))
})

test('without SENTINEL a waypoint that was lost shows as not armed', async (t) => {
  const { service, passTo, armedAt, atRest } = await setup(t)
  const far = await service.makeJob({ schedule: '0 0 1 1 *' })
  assert.equal(armedAt(far.id), '2026-06-25T08:00:00.000Z')
  // a call of NAS that is still under way would arm it again
  await atRest()
  lose(service, far.id)
  // a wake-up that is armed again stands a second early (docs/decisions/fresh-fire-at.md)
  await passTo('2026-06-25T08:00:59Z')
  assert.equal(await isArmed(service, far.id), true)
  await passTo('2026-06-25T08:01:01Z')
  assert.equal(await isArmed(service, far.id), false)
  assert.equal((await statusOf(service)).owed.lost_wakes, 1)
})
