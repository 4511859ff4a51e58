import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { boundsMs } from '../../db/history-sums.ts'
import { dayMs, noon, openHistory, type OpenedHistory } from './setup.ts'

let opened: OpenedHistory
before(async () => {
  opened = await openHistory()
})
after(() => opened.close())
beforeEach(async () => {
  await opened.sql`truncate runs, folded_slots, job_days, service_days, job_history cascade`
  await opened.sql`update history set folded_to = '-infinity', slots_to = 0`
})

const at = (time: string) => new Date(`2026-06-18T${time}Z`)

/** A run of each kind; what they add up to is in `everything`. */
async function makeAll() {
  const job = await opened.makeJob()
  const used = { prompt_tokens: 1_000, completion_tokens: 200, cost: 0.25, currency: 'USD' }
  await opened.makeRun(job, {
    slot: at('10:00:00'),
    msAgo: noon.getTime() - at('10:00:03').getTime(),
    usage: used,
  })
  await opened.makeRun(job, {
    state: 'failed',
    attempts: [{ started_at: at('09:30:01').toISOString() }, {}],
    slot: at('09:30:00'),
  })
  await opened.makeRun(job, { state: 'skipped', slot: at('09:00:00'), tookMs: null, attempts: [] })
  await opened.makeRun(job, { state: 'cancelled', slot: at('08:00:00'), tookMs: null, attempts: [] })
  await opened.makeRun(job, { usage: { ...used, cost: 7, currency: 'EUR' }, tookMs: 5 })
  await opened.makeRun(job, {
    usage: { prompt_tokens: 'many', completion_tokens: -1, cost: {}, currency: 'USD' },
    tookMs: 6,
  })
  await opened.makeRun(job, { state: 'running' })
  await opened.sql`
    insert into folded_slots (job_id, first_slot, last_slot, count, verdict, reason, rule, recorded_at)
    values (${job}, ${at('01:00:00')}, ${at('05:00:00')}, 5, 'missed', 'late', '{}', ${at('06:00:00')})`
  return job
}

function bucket(ms: number): number {
  const n = boundsMs.findIndex((bound) => ms <= bound)
  return n < 0 ? boundsMs.length : n
}

function countsOf(...values: number[]): number[] {
  const counts = Array.from({ length: boundsMs.length + 1 }, () => 0)
  for (const ms of values) counts[bucket(ms)] = (counts[bucket(ms)] ?? 0) + 1
  return counts
}

const everything = {
  runs: { succeeded: 3, failed: 1, timed_out: 0, interrupted: 0, cancelled: 1, skipped: 1 },
  slots: { ran: 2, skipped: 1, missed: 5, cancelled: 1, superseded: 0 },
  attempts: 5,
  tokens: { input: 2_000, output: 400 },
  costUsd: 0.25,
  durationMs: { boundsMs, counts: countsOf(1_000, 1_000, 5, 6), sumMs: 2_011, count: 4 },
  latenessMs: { boundsMs, counts: countsOf(2_000, 1_000), sumMs: 3_000, count: 2 },
  now: noon,
}

test('the totals are the same before, between and after the steps that add history up', async () => {
  await makeAll()
  assert.deepEqual(await opened.store.totals(), everything)
  // the ends at one instant are not parted, so a step takes more than its limit here
  const steps = []
  for (let isMore = true; isMore; ) {
    const step = await opened.fold(1)
    assert.deepEqual(await opened.store.totals(), everything)
    assert.deepEqual(await opened.store.endedRuns(), everything.runs)
    steps.push(step.runs)
    isMore = step.isMore
  }
  const [{ n } = { n: 0 }] = await opened.sql<
    { n: number }[]
  >`select sum(runs_succeeded)::int as n from service_days`
  assert.equal(n, 3)
  assert.equal(steps.at(-1), 0)
  await opened.sql`delete from runs where finished_at is not null`
  await opened.sql`delete from folded_slots`
  assert.deepEqual(await opened.store.totals(), everything)
})

test('runs and spans count for the day of their end, slots for their own, in UTC', async () => {
  const job = await opened.makeJob()
  const midnight = at('00:00:00')
  await opened.makeRun(job, { slot: new Date(midnight.getTime() - 1), msAgo: dayMs / 2 - 60_000 })
  await opened.sql`
    insert into folded_slots (job_id, first_slot, last_slot, count, verdict, reason, rule, recorded_at)
    values (${job}, '2026-06-15T18:00Z', '2026-06-17T12:00Z', 8, 'missed', 'late', '{}', ${noon}::timestamptz - interval '1 h')`
  await opened.fold()
  const days = await opened.sql`
    select to_char(day, 'DD') as day, runs_succeeded as runs, slots_ran as ran, slots_missed as missed from job_days
    where job_id = ${job} order by day`
  assert.deepEqual(
    days.map((row) => ({ ...row })),
    [
      { day: '15', runs: 0, ran: 0, missed: 1 },
      { day: '16', runs: 0, ran: 0, missed: 4 },
      { day: '17', runs: 0, ran: 1, missed: 3 },
      { day: '18', runs: 1, ran: 0, missed: 0 },
    ],
  )
})

test('how long attempts kept a process up is added up; one whose end nothing waited for counts a minute at most', async () => {
  const job = await opened.makeJob()
  const other = await opened.makeJob()
  const told = await opened.makeJob()
  await opened.sql`update jobs set action = '{"type":"http","callback":{}}'::text::jsonb where id = ${other}`
  const attempt = (from: string, to: string, state = 'failed') => ({
    ...{ state, started_at: at(from).toISOString(), finished_at: at(to).toISOString() },
  })
  await opened.makeRun(job, { attempts: [attempt('08:00:00', '08:00:01'), attempt('09:00:00', '09:10:00')] })
  await opened.makeRun(job, {
    state: 'interrupted',
    attempts: [attempt('08:00:00', '09:00:00', 'interrupted')],
  })
  await opened.makeRun(job, { state: 'skipped', tookMs: null, attempts: [] })
  await opened.makeRun(other, { attempts: [attempt('08:00:00', '09:00:00', 'succeeded')] })
  await opened.makeRun(other, { attempts: [attempt('08:00:00', '08:00:02', 'succeeded')] })
  const hourMs = 3_600_000
  await opened.makeRun(told, { isTold: true, tookMs: 3_000 })
  await opened.makeRun(told, { isTold: true, tookMs: hourMs })
  await opened.makeRun(told, { isTold: true, state: 'interrupted', tookMs: hourMs })
  await opened.fold()
  const rows = await opened.sql`select job_id, awake_ms::int as ms from job_days`
  assert.deepEqual(
    new Map(rows.map((row) => [row['job_id'], row['ms']])),
    new Map([
      [job, 661_000],
      [other, 62_000],
      [told, 3_000 + hourMs + 60_000],
    ]),
  )
  const [service] = await opened.sql`select awake_ms::int as ms from service_days`
  assert.equal(service?.['ms'], 723_000 + 63_000 + hourMs)
  const [counted] = await opened.sql`select attempts::int from job_days where job_id = ${told}`
  assert.equal(counted?.['attempts'], 3)
})

test('a run that its job took with it counts the attempts that had ended, and none that was under way', async () => {
  const job = await opened.makeJob()
  const ended = {
    state: 'failed',
    started_at: at('08:00:00').toISOString(),
    finished_at: at('08:00:02').toISOString(),
  }
  await opened.makeRun(job, { state: 'running', tookMs: 3_600_000, isTold: true })
  await opened.makeRun(job, { state: 'running', tookMs: 3_600_000, attempts: [ended] })
  await opened.makeRun(job, { state: 'claimed', tookMs: null, isTold: true })
  await opened.store.deleteJob(job)
  await opened.sql`update runs set finished_at = finished_at - interval '1 hour'`
  await opened.fold()
  const [day] =
    await opened.sql`select attempts::int, awake_ms::int as ms, runs_cancelled::int from service_days`
  assert.deepEqual({ ...day }, { attempts: 1, ms: 2_000, runs_cancelled: 3 })
})

test('what ended within the last minute waits, and is counted all the same', async () => {
  const job = await opened.makeJob()
  await opened.makeRun(job, { msAgo: 59_999 })
  await opened.makeRun(job, { msAgo: 60_000 })
  assert.equal((await opened.fold()).runs, 1)
  assert.equal((await opened.store.totals()).runs['succeeded'], 2)
  opened.setClock(new Date(noon.getTime() + 1))
  assert.equal((await opened.fold()).runs, 1)
  opened.setClock(noon)
  assert.equal((await opened.store.totals()).runs['succeeded'], 2)
})

test('of many processes that add up at once each run is taken by one', async () => {
  const job = await opened.makeJob()
  for (let n = 0; n < 40; n++) await opened.makeRun(job, { msAgo: 100_000 + n })
  for (let left = 40; left > 0; ) {
    const steps = await Promise.all(Array.from({ length: 6 }, () => opened.fold(7)))
    const taken = steps.reduce((sum, { runs }) => sum + runs, 0)
    assert.ok(taken > 0)
    left -= taken
  }
  assert.equal((await opened.store.totals()).runs['succeeded'], 40)
  const [days] =
    await opened.sql`select runs_succeeded as n, duration_ms::int as ms, duration_counts as counts from job_days`
  assert.deepEqual([days?.['n'], days?.['ms']], [40, 40_000])
})

test('a process that has locked the cursor keeps the others from it, and they do not wait', async () => {
  const job = await opened.makeJob()
  await opened.makeRun(job)
  await opened.db.transaction(async (tx) => {
    await tx`select from history for update`
    assert.deepEqual(await opened.fold(), { runs: 0, isMore: false })
  })
  assert.equal((await opened.fold()).runs, 1)
})

test('a job that is gone keeps no days, and its runs still count', async () => {
  const job = await makeAll()
  await opened.sql`delete from jobs where id = ${job}`
  await opened.fold()
  assert.deepEqual(await opened.store.totals(), everything)
  assert.equal((await opened.sql`select from job_days`).length, 0)
})
