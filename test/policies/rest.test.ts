import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Json, type Service, startService } from '../support/service.ts'
import { change, hook, readJob } from './setup.ts'

let service: Service
before(async () => {
  service = await startService({ clock: '2026-06-18T08:00:00Z' })
})
after(() => service.close())

const all = {
  retry: { attempts: 5, backoff: 'fixed', delay_ms: 1_000, max_delay_ms: 60_000, on: ['failed'] },
  overlap: 'allow',
  max_live: 3,
  catch_up: 'all',
  catch_up_max: 7,
  deadline_ms: 90_000,
  timeout_ms: 5_000,
  lease_ms: 30_000,
  jitter_ms: 0,
  starts_at: '2026-06-18T08:30:00.000Z',
  ends_at: '2026-12-31T00:00:00.000Z',
  pause_after: 4,
}
const usual = {
  retry: {
    attempts: 1,
    backoff: 'exponential',
    delay_ms: 10_000,
    max_delay_ms: 3_600_000,
    on: ['failed', 'timed_out', 'interrupted'],
  },
  overlap: 'skip',
  max_live: 10,
  catch_up: 'latest',
  catch_up_max: 100,
  deadline_ms: null,
  timeout_ms: null,
  lease_ms: null,
  jitter_ms: 0,
  starts_at: null,
  ends_at: null,
  pause_after: null,
}
const names = Object.keys(usual) as (keyof typeof usual)[]
const policyOf = (job: Record<string, unknown>) => Object.fromEntries(names.map((name) => [name, job[name]]))

test('a job is made with the policies that are given, and shows them', async () => {
  const job = await service.makeJob(all)
  assert.deepEqual(policyOf(job), all)
  assert.deepEqual(policyOf(await readJob(service, job.id)), all)
  assert.equal(job.next_run_at, '2026-06-18T09:00:00.000Z')
})

test('a job without policies shows the defaults that hold for it, in every list as well', async () => {
  const job = await service.makeJob()
  assert.deepEqual(policyOf(job), usual)
  const { body } = await service.api('GET', '/api/jobs')
  assert.deepEqual(policyOf((body.jobs as Json[]).find(({ id }) => id === job.id)), usual)
})

test('a change touches the policies that it names; null brings the default back', async () => {
  const job = await service.makeJob(all)
  assert.deepEqual(policyOf(await change(service, job.id, { overlap: 'queue' })), {
    ...all,
    overlap: 'queue',
  })
  const nulls = Object.fromEntries(names.map((name) => [name, null]))
  const reset = await change(service, job.id, nulls)
  assert.deepEqual(policyOf(reset), usual)
  assert.equal(reset.version, 3)
})

test('retry is given as a whole: what is left out of it has its default', async () => {
  const job = await service.makeJob({ retry: { attempts: 5, backoff: 'fixed' } })
  assert.deepEqual(job.retry, { ...usual.retry, attempts: 5, backoff: 'fixed' })
  const { retry } = await change(service, job.id, { retry: { delay_ms: 7_200_000 } })
  assert.deepEqual(retry, { ...usual.retry, delay_ms: 7_200_000, max_delay_ms: 7_200_000 })
})

test('a policy that cannot be is refused with the rule and the value that breaks it', async () => {
  const detailOf = async (policy: object) => {
    const { status, body } = await service.api('POST', '/api/jobs', {
      name: 'x',
      schedule: '30m',
      action: hook(service),
      ...policy,
    })
    assert.equal(status, 400, JSON.stringify(policy))
    return body.detail
  }
  assert.equal(
    await detailOf({ overlap: 'wait' }),
    'overlap: must be "skip" or "queue" or "allow" or "cancel_running" or null, not "wait"',
  )
  assert.equal(
    await detailOf({ jitter_ms: -1 }),
    'jitter_ms: must be a whole number from 0 to 86400000, or null, not -1',
  )
  assert.equal(
    await detailOf({ retry: { attempts: 0 } }),
    'retry.attempts: must be a whole number from 1 to 100, not 0',
  )
  assert.match(await detailOf({ retry: 3 }), /^retry: must be an object, or null, not 3$/)
  assert.match(
    await detailOf({ retry: { on: ['cancelled'] } }),
    /^retry\.on\[0\]: must be .*, not "cancelled"$/,
  )
  assert.match(await detailOf({ timeout_ms: '5s' }), /^timeout_ms: must be a whole number .*, not "5s"$/)
  assert.match(await detailOf({ starts_at: 'tomorrow' }), /^starts_at: must be an ISO 8601/)
  assert.equal(
    await detailOf({ retry: { delay_ms: 5_000, max_delay_ms: 1_000 } }),
    'retry.max_delay_ms: must be at least delay_ms (5000), not 1000',
  )
  assert.equal(
    await detailOf({ starts_at: '2026-07-02T00:00:00Z', ends_at: '2026-07-01T00:00:00Z' }),
    'ends_at: must not be before starts_at (2026-07-02T00:00:00.000Z), but is 2026-07-01T00:00:00.000Z',
  )
  assert.match(await detailOf({ ends_at: '2026-06-18T08:00:01Z' }), /has no slot left between now/)
})

test('a name that is close to a policy is refused with the name that is known', async () => {
  for (const [given, meant] of Object.entries({
    timeout: 'timeout_ms',
    lease: 'lease_ms',
    deadlineMs: 'deadline_ms',
    catchup: 'catch_up',
    overlaps: 'overlap',
    startsAt: 'starts_at',
  })) {
    const job = { name: 'x', schedule: '30m', action: hook(service), [given]: 1 }
    const { status, body } = await service.api('POST', '/api/jobs', job)
    assert.deepEqual(
      [status, body.code, body.detail],
      [400, 'FIELD_UNKNOWN', `unknown field \`${given}\`; did you mean \`${meant}\`?`],
    )
  }
  const { body } = await service.api('POST', '/api/jobs', {
    name: 'x',
    schedule: '30m',
    action: hook(service),
    retry: { delay: 5 },
  })
  assert.equal(body.detail, 'unknown field `retry.delay`; did you mean `retry.delay_ms`?')
})

test('bounds that contradict what the job has already are refused in a change as well', async () => {
  const job = await service.makeJob({ starts_at: '2026-07-01T00:00:00Z' })
  const { status, body } = await service.api('PATCH', `/api/jobs/${job.id}`, {
    ends_at: '2026-06-30T00:00:00Z',
  })
  assert.deepEqual([status, body.code, body.errors[0].path], [400, 'FIELD_INVALID', 'ends_at'])
  assert.equal((await readJob(service, job.id)).version, 1)
})

test('a change of bounds or jitter moves the wake-up, and NAS is told before the answer', async () => {
  const { nas, api } = service
  const { id } = await service.makeJob()
  const armed = () => nas.armed().find(({ job_id }) => job_id === id)?.fire_at
  const later = await change(service, id, { starts_at: '2026-06-20T12:00:00Z' })
  assert.equal(later.next_run_at, '2026-06-21T09:00:00.000Z')
  const sooner = await change(service, id, { starts_at: null })
  assert.deepEqual([sooner.next_run_at, sooner.armed], ['2026-06-18T09:00:00.000Z', true])
  const aheadMs = Date.parse('2026-06-18T09:00:00Z') - Date.parse(armed() ?? '')
  assert.ok(aheadMs >= 0 && aheadMs <= 5_000, 'a moment early at most, never late')
  await change(service, id, { jitter_ms: 600_000 })
  const { body: arm } = await api('GET', `/api/jobs/${id}/arm`)
  assert.equal(
    Date.parse(arm.wake_at) - Date.parse('2026-06-18T09:00:00Z'),
    Number.parseInt(id, 16) % 600_001,
  )
  const over = await change(service, id, { ends_at: '2026-06-18T08:30:00Z' })
  assert.deepEqual([over.state, over.next_run_at, over.armed, armed()], ['completed', null, false, undefined])
  const alive = await change(service, id, { ends_at: null })
  assert.deepEqual([alive.state, alive.next_run_at], ['scheduled', '2026-06-18T09:00:00.000Z'])
})

test('a change of a policy that moves no instant asks NAS for nothing', async () => {
  const { id } = await service.makeJob()
  const arms = async () => (await service.api('GET', `/api/jobs/${id}/arm`)).body.history.length
  const armsSoFar = await arms()
  await change(service, id, { retry: { attempts: 3 }, pause_after: 5, deadline_ms: 60_000, overlap: 'queue' })
  assert.equal(await arms(), armsSoFar)
  assert.equal((await readJob(service, id)).next_run_at, '2026-06-18T09:00:00.000Z')
})

test('a one-shot outside of its bounds is refused', async () => {
  const once = { name: 'x', schedule: '2026-06-19T08:00:00Z', action: hook(service) }
  const { status, body } = await service.api('POST', '/api/jobs', {
    ...once,
    starts_at: '2026-06-20T00:00:00Z',
  })
  assert.deepEqual([status, body.code], [400, 'SCHEDULE_IN_PAST'])
})
