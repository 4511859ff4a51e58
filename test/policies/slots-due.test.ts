import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Json, type Service, startService } from '../support/service.ts'
import { clockOf, hook, lastRun, runsOf } from './setup.ts'
import { until } from '../support/until.ts'

// Jobs are due every minute from 09:01 on; `at` sets Postgres' clock, and NAS stands still.

let service: Service
before(async () => {
  service = await startService({ clock: day('09:00:30') })
})
after(() => service.close())

function day(time: string): string {
  return `2026-06-18T${time}Z`
}

let made = 0
async function make(policy: object): Promise<{ job: Json; path: string }> {
  service.setClock(day('09:00:30'))
  const path = `/job-${++made}`
  const job = await service.makeJob({ schedule: '* * * * *', action: hook(service, path), ...policy })
  return { job, path }
}

async function fireAt(job: Json, time: string): Promise<number> {
  service.setClock(day(time))
  return (await service.fire({ job_id: job.id, fire_at: day(time) })).status
}

/** `09:01 succeeded`: one line per run, oldest slot first. */
async function lines(job: Json): Promise<string[]> {
  const runs = await runsOf(service, job.id)
  return runs.map(({ slot, state }) => `${clockOf(slot)} ${state}`)
}

/** `09:01 missed`: one line per slot. */
async function verdicts(job: Json): Promise<string[]> {
  const { body } = await service.api('GET', `/api/jobs/${job.id}/slots?from=${day('09:00:00')}`)
  return (body.slots as Json[]).map(({ slot, verdict }) => `${clockOf(slot)} ${verdict}`)
}

async function wakeAt(job: Json): Promise<string> {
  return clockOf((await service.api('GET', `/api/jobs/${job.id}/arm`)).body.wake_at)
}

const callsOf = (path: string) => service.target.calls.filter((call) => call.path === path)

test('catch_up all with overlap skip or queue: what passed runs one after the other, and none is skipped', async () => {
  for (const overlap of ['skip', 'queue']) {
    const { job, path } = await make({ catch_up: 'all', overlap })
    service.target.behave(path, { does: 'slow', value: 60 })
    assert.equal(await fireAt(job, '09:05:10'), 202)
    await lastRun(service, job.id, 5)
    assert.deepEqual(await lines(job), [
      '09:01 succeeded',
      '09:02 succeeded',
      '09:03 succeeded',
      '09:04 succeeded',
      '09:05 succeeded',
    ])
    const times = callsOf(path).map(({ at }) => Date.parse(at))
    const gaps = times.slice(1).map((at, n) => at - (times[n] ?? 0))
    assert.ok(
      gaps.every((ms) => ms >= 55),
      `never two at once: ${gaps.join(' ')} ms apart`,
    )
  }
})

test('while a backlog waits for the live run, the wake-up is the end of its lease', async () => {
  const { job, path } = await make({ catch_up: 'all', lease_ms: 600_000 })
  service.target.behave(path, { does: 'hang' })
  await fireAt(job, '09:04:00')
  await until('the call', () => callsOf(path).length === 1)
  assert.equal(await wakeAt(job), '09:14:02')
  assert.equal(await fireAt(job, '09:04:30'), 200)
  assert.deepEqual(await lines(job), ['09:01 running'])
  assert.equal(await wakeAt(job), '09:14:02')
  const [run] = await runsOf(service, job.id)
  service.target.behave(path, { does: 'status' })
  await service.api('POST', `/api/runs/${run.id}/cancel`)
  await service.fire({ job_id: job.id, fire_at: day('09:04:30') })
  await lastRun(service, job.id, 4)
  assert.deepEqual(await lines(job), [
    '09:01 cancelled',
    '09:02 succeeded',
    '09:03 succeeded',
    '09:04 succeeded',
  ])
})

test('catch_up all: a slot that comes while a run is live is a case of overlap all the same', async () => {
  const { job, path } = await make({ catch_up: 'all' })
  service.target.behave(path, { does: 'hang' })
  await fireAt(job, '09:01:00')
  await until('the call', () => callsOf(path).length === 1)
  assert.equal(await wakeAt(job), '09:02')
  await fireAt(job, '09:02:00')
  assert.deepEqual(await lines(job), ['09:01 running', '09:02 skipped'])
  const [, skipped] = await runsOf(service, job.id)
  assert.equal(skipped.reason, 'overlap: the previous run was still live')
  const [run] = await runsOf(service, job.id)
  await service.api('POST', `/api/runs/${run.id}/cancel`)
})

test('catch_up all keeps the newest slots up to catch_up_max; the others are missed', async () => {
  const { job } = await make({ catch_up: 'all', catch_up_max: 2 })
  await fireAt(job, '09:04:10')
  await lastRun(service, job.id, 2)
  assert.deepEqual(await verdicts(job), ['09:01 missed', '09:02 missed', '09:03 ran', '09:04 ran'])
})

test('catch_up latest runs the newest slot, none runs what is not too late', async () => {
  const latest = await make({ catch_up: 'latest' })
  await fireAt(latest.job, '09:03:10')
  await lastRun(service, latest.job.id)
  assert.deepEqual(await verdicts(latest.job), ['09:01 missed', '09:02 missed', '09:03 ran'])
  const none = await make({ catch_up: 'none', schedule: '1 * * * *' })
  await fireAt(none.job, '09:05:00')
  assert.deepEqual(await verdicts(none.job), ['09:01 missed'])
})

test('a slot that is later than deadline_ms is missed', async () => {
  const { job } = await make({ deadline_ms: 20_000, schedule: '1 * * * *' })
  assert.equal(await fireAt(job, '09:01:21'), 200)
  const { body } = await service.api('GET', `/api/jobs/${job.id}/slots?from=${day('09:00:00')}`)
  assert.deepEqual([body.slots[0].verdict, body.slots[0].reason], ['missed', 'no process handled it in time'])
})

test('overlap queue lets one slot wait and skips the next; cancel_running gives the newer slot the place', async () => {
  const queued = await make({ overlap: 'queue' })
  service.target.behave(queued.path, { does: 'hang' })
  for (const time of ['09:01:00', '09:02:00', '09:03:00']) await fireAt(queued.job, time)
  assert.deepEqual(await lines(queued.job), ['09:01 running', '09:02 claimed', '09:03 skipped'])
  const replaced = await make({ overlap: 'cancel_running' })
  service.target.behave(replaced.path, { does: 'hang' })
  await fireAt(replaced.job, '09:01:00')
  await until('the call', () => callsOf(replaced.path).length === 1)
  service.target.behave(replaced.path, { does: 'status' })
  await fireAt(replaced.job, '09:02:00')
  await lastRun(service, replaced.job.id, 2)
  assert.deepEqual(await lines(replaced.job), ['09:01 cancelled', '09:02 succeeded'])
  for (const run of await runsOf(service, queued.job.id))
    if (run.finished_at === null) await service.api('POST', `/api/runs/${run.id}/cancel`)
})

test('overlap allow lets max_live runs be live, and skips the next slot', async () => {
  const { job, path } = await make({ overlap: 'allow', max_live: 2 })
  service.target.behave(path, { does: 'hang' })
  for (const time of ['09:01:00', '09:02:00', '09:03:00']) await fireAt(job, time)
  await until('two calls', () => callsOf(path).length === 2)
  assert.deepEqual(await lines(job), ['09:01 running', '09:02 running', '09:03 skipped'])
  for (const run of await runsOf(service, job.id))
    if (run.finished_at === null) await service.api('POST', `/api/runs/${run.id}/cancel`)
})

test('the slots of a job lie between starts_at and ends_at, both included', async () => {
  const { job } = await make({ starts_at: day('09:02:00'), ends_at: day('09:04:00'), catch_up: 'all' })
  await fireAt(job, '09:06:00')
  await lastRun(service, job.id, 3)
  assert.deepEqual(await verdicts(job), ['09:02 ran', '09:03 ran', '09:04 ran'])
  const { body } = await service.api('GET', `/api/jobs/${job.id}`)
  assert.deepEqual([body.job.state, body.job.armed], ['completed', false])
})

test('the runs of a job with jitter begin after their slots, all by the same while', async () => {
  const { job } = await make({ jitter_ms: 30_000 })
  const whileMs = Number.parseInt(job.id, 16) % 30_001
  const first = Date.parse(day('09:01:00'))
  const { body } = await service.api('GET', `/api/jobs/${job.id}/arm`)
  assert.equal(Date.parse(body.wake_at), first + whileMs)
  service.setClock(new Date(first + whileMs))
  assert.equal((await service.fire({ job_id: job.id, fire_at: body.wake_at })).status, 202)
  const run = await lastRun(service, job.id)
  assert.deepEqual([clockOf(run.slot), run.lateness_ms], ['09:01', whileMs])
})
