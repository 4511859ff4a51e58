import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { withLiving } from '../../src/process/living.ts'
import { makeKey } from '../keys/setup.ts'
import { codeOf } from '../rest/setup.ts'
import { type Json, type Service, startService } from '../support/service.ts'

// What happened is written as rows: a day of runs, at instants that the test knows.

const now = '2026-03-28T12:00:00Z'
let service: Service
before(async () => {
  service = await startService({ clock: now, begin: false })
})
after(() => service.close())

const get = async (path: string): Promise<Json> => {
  const { status, body } = await service.api('GET', path)
  assert.equal(status, 200, JSON.stringify(body))
  return body
}

/** A list in an answer. */
const list = (value: Json): Json[] => value as Json[]

type Run = {
  state?: string
  slot?: string | null
  at?: string
  tookMs?: number
  code?: string
  message?: string
  usage?: object
}

/** A run that ended, `tookMs` after its slot (or `at`). */
async function addRun(
  jobId: string,
  { state = 'succeeded', slot = null, at, tookMs = 1_000, ...rest }: Run,
): Promise<string> {
  const from = new Date(at ?? slot ?? now)
  const to = new Date(from.getTime() + tookMs)
  const { sql } = service.database
  const [row] = await sql<{ id: string }[]>`
    insert into runs (id, seq, job_id, slot, trigger, state, fence, attempt, claimed_at, started_at, finished_at, attempts,
      error_code, error_message, usage, reason)
    values (gen_random_uuid(), ${from.getTime() * 1000}, ${jobId}, ${slot}, 'fire', ${state}, 1, 1, ${from}, ${from}, ${to},
      ${sql.json([{ attempt: 1, started_at: from.toISOString() }])}, ${rest.code ?? null}, ${rest.message ?? null},
      ${sql.json((rest.usage ?? null) as never)}, ${state === 'skipped' ? 'overlap' : null})
    returning id`
  return row?.id as string
}

async function addFold(jobId: string, first: string, last: string, count: number): Promise<void> {
  const { sql } = service.database
  const rule = {
    schedule: { kind: 'cron', expr: '0 * * * *', display: 'hourly' },
    timezone: 'UTC',
    anchor: first,
  }
  await sql`insert into folded_slots (job_id, first_slot, last_slot, count, verdict, reason, rule)
    values (${jobId}, ${first}, ${last}, ${count}, 'missed', 'late', ${sql.json(rule)})`
}

test('the timeline has a lane for each job that wakes in the window, with what ran, runs and will run', async () => {
  const daily = await service.makeJob({
    name: 'daily',
    schedule: '30 12 * * *',
    timezone: 'Europe/Berlin',
    tags: ['a'],
  })
  await service.makeJob({ name: 'monthly', schedule: '0 0 1 * *' })
  const often = await service.makeJob({ name: 'often', schedule: '*/10 12 * * *' })
  const paused = await service.makeJob({ name: 'paused', schedule: '0 13 * * *' })
  await service.api('POST', `/api/jobs/${paused.id}/pause`, {})
  const ran = await addRun(daily.id, { slot: '2026-03-28T11:30:00Z', state: 'failed', tookMs: 60_000 })
  for (const minute of ['00', '10', '20'])
    await addRun(often.id, { slot: `2026-03-27T12:${minute}:00Z`, tookMs: 900_000 })

  const body = await get('/api/timeline?from=2026-03-28T11:00:00Z&to=2026-03-29T13:00:00Z')
  assert.deepEqual([body.now, body.more], [new Date(now).toISOString(), false])
  const names = list(body.lanes).map(({ name }: Json) => name)
  assert.deepEqual(names, ['often', 'daily'])
  const [dense, lane] = body.lanes
  // the clock goes forward in the night, so the slot of tomorrow is an hour earlier
  assert.deepEqual(lane.slots, [
    { at: '2026-03-28T11:30:00.000Z', verdict: 'ran', overlaps: false, run_id: ran, run_state: 'failed' },
    { at: '2026-03-29T10:30:00.000Z', verdict: 'planned', overlaps: false, run_id: null, run_state: null },
  ])
  assert.deepEqual(lane.clock_changes, [{ at: '2026-03-29T01:00:00.000Z', from: '+01:00', to: '+02:00' }])
  assert.deepEqual(
    [lane.expected_ms, lane.timezone, lane.tags, lane.owed],
    [60_000, 'Europe/Berlin', ['a'], false],
  )
  // it takes a quarter of an hour and is due every ten minutes
  assert.deepEqual([dense.expected_ms, dense.clock_changes], [900_000, []])
  const overlaps = list(dense.slots).map((slot) => [String(slot.at).slice(8, 16), slot.overlaps])
  assert.deepEqual(overlaps.slice(0, 2), [
    ['28T12:10', false],
    ['28T12:20', true],
  ])
})

test('a lane that is too dense is cut, and so is a list of lanes; a window has an end', async () => {
  const { id } = await service.makeJob({ name: 'each minute', schedule: '* * * * *' })
  const { lanes } = await get('/api/timeline?limit=200')
  const lane = list(lanes).find(({ job_id: jobId }: Json) => jobId === id)
  assert.deepEqual([lane.slots.length, lane.more], [288, true])
  const first = await get('/api/timeline?limit=1')
  assert.deepEqual([first.lanes.length, first.more], [1, true])
  for (const query of ['to=2026-03-28T12:00:00Z', 'to=2026-04-05T12:00:00Z', 'limit=0'])
    assert.equal(codeOf(await service.api('GET', `/api/timeline?${query}`)), '400 FIELD_INVALID', query)
  await service.api('DELETE', `/api/jobs/${id}`)
})

test('a slot whose time has come and that nobody has taken is due; what is live is told', async () => {
  const { id } = await service.makeJob({ name: 'due', schedule: '1 12 * * *' })
  const { sql } = service.database
  await sql`insert into runs (id, job_id, slot, trigger, state, fence, attempt, owner, lease_until, claimed_at, waiting_since)
    values (gen_random_uuid(), ${id}, '2026-03-27T12:01:00Z', 'fire', 'claimed', 1, 0, 'us', now(), now(), ${now})`
  const laneNow = async () => {
    const { lanes } = await get('/api/timeline?from=2026-03-28T12:00:00Z')
    return list(lanes).find(({ job_id: jobId }: Json) => jobId === id)
  }
  const { live, slots } = await laneNow()
  const [run] = live
  assert.deepEqual(
    [run.state, run.slot, run.waiting_since, run.started_at],
    ['claimed', '2026-03-27T12:01:00.000Z', new Date(now).toISOString(), null],
  )
  assert.deepEqual([slots[0].at, slots[0].verdict], ['2026-03-28T12:01:00.000Z', 'planned'])
  service.setClock('2026-03-28T12:02:00Z')
  assert.equal((await laneNow()).slots[0].verdict, 'due')
  service.setClock(now)
  await sql`delete from runs where job_id = ${id}`
  await service.api('DELETE', `/api/jobs/${id}`)
})

test('strips: the last 30 slots of each job with their verdicts, in the order that was asked for', async () => {
  const one = await service.makeJob({ schedule: '0 * * * *' })
  const other = await service.makeJob({ schedule: '0 * * * *' })
  for (let hour = 0; hour < 10; hour++)
    await addRun(one.id, {
      slot: `2026-03-27T0${hour}:00:00Z`,
      state: hour === 9 ? 'skipped' : hour % 3 === 0 ? 'failed' : 'succeeded',
      tookMs: (hour + 1) * 1_000,
    })
  await addRun(one.id, { at: '2026-03-27T09:30:00Z', tookMs: 20_000 })
  // as many as an hour apart from a year ago on: only the last are counted out
  await addFold(one.id, '2025-03-26T00:00:00Z', '2026-03-26T23:00:00Z', 8_784)
  const { strips } = await get(`/api/jobs/strips?ids=${other.id},${one.id},${other.id},000000000000`)
  assert.deepEqual(
    list(strips).map(({ job_id: id }: Json) => id),
    [other.id, one.id],
  )
  const [empty, strip] = strips
  assert.deepEqual([empty.slots, empty.runs, empty.success_rate, empty.p50_ms], [[], 0, null, null])
  assert.equal(strip.next_run_at, '2026-03-28T13:00:00.000Z')
  assert.equal(strip.slots.length, 30)
  const told = list(strip.slots).map(
    ({ slot, verdict, state }) => `${String(slot).slice(8, 13)} ${verdict} ${state}`,
  )
  assert.deepEqual(
    [told[0], told[19], told[20], told[21], told[29]],
    [
      '26T04 missed null',
      '26T23 missed null',
      '27T00 ran failed',
      '27T01 ran succeeded',
      '27T09 skipped skipped',
    ],
  )
  // of nine that ran by their slot and one that was started by hand, three failed
  assert.deepEqual([strip.runs, strip.success_rate, strip.p50_ms, strip.p95_ms], [10, 0.7, 5_000, 20_000])
  for (const ids of ['', 'x', `${one.id},`, Array.from({ length: 101 }, () => one.id).join(',')])
    assert.equal(codeOf(await service.api('GET', `/api/jobs/strips?ids=${ids}`)), '400 FIELD_INVALID')
})

test('the days of a job: what has been added up, and what has not been yet, once each', async () => {
  const { id } = await service.makeJob({ schedule: '0 * * * *' })
  const { sql } = service.database
  await sql`insert into job_days (job_id, day, runs_failed, slots_ran, attempts, duration_ms, duration_counts)
    values (${id}, '2026-03-01', 2, 2, 3, 9000, array[0,0,0,0,0,0,0,0,0,2,0,0,0,0,0,0,0,0,0])`
  await sql`update history set folded_to = '2026-03-20T12:00:00Z'`
  await addRun(id, { slot: '2026-03-20T11:00:00Z' })
  await addRun(id, {
    slot: '2026-03-20T13:00:00Z',
    tookMs: 400,
    usage: { prompt_tokens: 5, completion_tokens: 7 },
  })
  await addRun(id, { slot: '2026-03-21T13:00:00Z', state: 'skipped' })
  await addFold(id, '2026-03-21T14:00:00Z', '2026-03-21T14:00:00Z', 1)
  const { days } = await get(`/api/jobs/${id}/days`)
  assert.deepEqual(
    list(days).map(({ day, ran, skipped, missed, attempts }: Json) => [day, ran, skipped, missed, attempts]),
    [
      ['2026-03-01', 2, 0, 0, 3],
      ['2026-03-20', 1, 0, 0, 1],
      ['2026-03-21', 0, 1, 1, 1],
    ],
  )
  const [old, fresh] = days
  assert.deepEqual(
    [old.runs.failed, old.duration_p50_ms, old.duration_p95_ms, old.lateness_p50_ms],
    [2, 5_000, 5_000, null],
  )
  assert.deepEqual(
    [fresh.runs.succeeded, fresh.duration_p50_ms, fresh.tokens_in, fresh.tokens_out],
    [1, 500, 5, 7],
  )
  const some = await get(`/api/jobs/${id}/days?from=2026-03-20&to=2026-03-20`)
  assert.equal(some.days.length, 1)
  for (const query of ['from=2026-02-30', 'from=2026-03-02&to=2026-03-01', 'from=2020-01-01'])
    assert.equal(
      codeOf(await service.api('GET', `/api/jobs/${id}/days?${query}`)),
      '400 FIELD_INVALID',
      query,
    )
  assert.equal(codeOf(await service.api('GET', '/api/jobs/000000000000/days')), '404 JOB_NOT_FOUND')
})

test('failures are grouped by their cause, over all jobs or one', async () => {
  const [one, other] = [await service.makeJob({ name: 'one' }), await service.makeJob({ name: 'other' })]
  const refused = { code: 'TARGET_UNREACHABLE', state: 'failed' }
  await addRun(one.id, { ...refused, message: 'port 8081 refused after 12 ms', at: '2026-03-28T10:00:00Z' })
  await addRun(one.id, { ...refused, message: 'port 8081 refused after 7 ms', at: '2026-03-28T10:01:00Z' })
  const last = await addRun(other.id, {
    ...refused,
    message: 'port 9 refused after 7 ms',
    at: '2026-03-28T10:02:00Z',
  })
  const late = { code: 'TIMEOUT', state: 'timed_out', message: 'took too long' }
  await addRun(other.id, { ...late, at: '2026-03-28T10:03:00Z', tookMs: 5_000 })
  await addRun(other.id, { ...late, at: '2026-03-26T10:03:00Z' })
  const body = await get('/api/failures?since=2026-03-28T09:00:00Z')
  // the first is from another test
  assert.deepEqual([body.since, body.runs, body.failures.length], ['2026-03-28T09:00:00.000Z', 5, 3])
  const [, slow, closed] = body.failures
  assert.deepEqual([slow.code, slow.count, slow.last_at], ['TIMEOUT', 1, '2026-03-28T10:03:05.000Z'])
  assert.deepEqual(closed, {
    ...{ code: 'TARGET_UNREACHABLE', cause: 'port # refused after # ms', count: 3, job_count: 2 },
    ...{ first_at: '2026-03-28T10:00:01.000Z', last_at: '2026-03-28T10:02:01.000Z', last_run_id: last },
    last_message: 'port 9 refused after 7 ms',
    jobs: [
      { job_id: one.id, project: 'default', name: 'one', count: 2 },
      { job_id: other.id, project: 'default', name: 'other', count: 1 },
    ],
  })
  const ofOne = await get(`/api/failures?since=2026-03-28T09:00:00Z&job=${one.id}`)
  assert.deepEqual(
    list(ofOne.failures).map(({ count }: Json) => count),
    [2],
  )
  assert.equal((await get('/api/failures?since=2026-03-28T11:59:00Z')).failures.length, 0)
})

test('costs: by day and by job, what was awake, and what the month comes to', async () => {
  const { sql } = service.database
  const { id } = await service.makeJob({ name: 'dear' })
  await sql`truncate job_days, busy_days, service_days, process_days`
  await sql`update history set folded_to = '2026-03-28T12:30:00Z'`
  const usage = {
    runs_succeeded: 10,
    attempts: 12,
    awake_ms: 60_000,
    tokens_in: 1_000,
    tokens_out: 100,
    cost_usd: 0.5,
  }
  for (const day of ['2026-02-10', '2026-03-26', '2026-03-27']) {
    await sql`insert into service_days ${sql({ day, ...usage })}`
    await sql`insert into job_days ${sql({ day, job_id: id, ...usage })}`
  }
  await sql`insert into busy_days (job_id, day, awake_ms) values (${id}, '2026-03-27', 60000), ('0000000000ff', '2026-03-27', 5)`
  await sql`insert into process_days (day, awake_ms, starts, fires)
    values ('2026-03-26', 600000, 5, 20), ('2026-03-27', 800000, 9, 9)`
  await sql`insert into job_days (job_id, day, awake_ms) values ('0000000000ff', '2026-03-27', 5)`
  const body = await get('/api/costs?from=2026-03-27')
  assert.deepEqual([body.from, body.to, body.jobs_from], ['2026-03-27', '2026-03-28', '2026-03-27'])
  const ofADay = { runs: 10, attempts: 12, busy_ms: 60_000, tokens_in: 1_000, tokens_out: 100, cost_usd: 0.5 }
  const [yesterday] = body.days
  assert.deepEqual(yesterday, {
    ...{ day: '2026-03-27', ...ofADay, awake_ms: 800_000, starts: 9, fires: 9, wakes_shared: 0 },
  })
  assert.deepEqual(body.jobs[0], { job_id: id, name: 'dear', ...ofADay })
  assert.deepEqual([body.jobs[1].job_id, body.jobs[1].name, body.jobs[1].busy_ms], ['0000000000ff', null, 5])
  // a day and a half of a window of two days are over
  assert.equal(body.totals.always_on_ms, 36 * 3_600_000)
  const all = await get('/api/costs')
  assert.deepEqual(
    [all.totals.cost_usd, all.totals.fires, all.totals.starts, all.totals.wakes_shared],
    [1, 29, 14, 15],
  )
  // two dollars a week until the 28th at noon, and the rest of the month, 3.5 days, at a seventh of a dollar
  const { forecast } = body
  assert.equal(forecast.month, '2026-03')
  assert.ok(Math.abs(forecast.cost_usd - (1 + (1 / 7) * 3.5)) < 1e-9, `${forecast.cost_usd}`)
  assert.equal(forecast.always_on_ms, 6 * 86_400_000)
  // awake time has been counted for two days: their average is the rate
  assert.ok(Math.abs(forecast.awake_ms - (1_400_000 + 700_000 * 3.5)) < 120_000, `${forecast.awake_ms}`)
  assert.equal(all.awake_since, '2026-03-26T00:00:00.000Z')
  await sql`update process_days set began = '2026-03-26T18:00:00Z' where day = '2026-03-26'`
  const later = await get('/api/costs')
  assert.equal(later.awake_since, '2026-03-26T18:00:00.000Z')
  // a machine that is always on is counted from then on: a day and three quarters, and in the month until its end
  assert.equal(later.totals.always_on_ms, 42 * 3_600_000)
  assert.equal(later.forecast.always_on_ms, (5 * 24 + 6) * 3_600_000)
})

test('a process that is up counts for its days, although nothing of it is written yet', () => {
  const day = (text: string) => new Date(`2026-03-${text}T00:00:00Z`)
  const zero = { runs: 0, attempts: 0, busyMs: 0, tokens: { input: 0, output: 0 }, costUsd: 0 }
  const known = { ...zero, day: day('27'), awakeMs: 5, starts: 1, fires: 1 }
  const costs = { days: [known], jobs: [], awakeSince: day('27'), now: new Date(now) }
  const { days, awakeSince } = withLiving(costs, { since: new Date('2026-03-26T23:00:00Z'), fires: 4 })
  const hourMs = 3_600_000
  assert.deepEqual(
    days.map(({ day: at, awakeMs, starts, fires }) => [at.getUTCDate(), awakeMs, starts, fires]),
    [
      [26, hourMs, 1, 0],
      [27, 24 * hourMs + 5, 1, 1],
      [28, 12 * hourMs, 0, 4],
    ],
  )
  assert.deepEqual(awakeSince, new Date('2026-03-26T23:00:00Z'))
})

test('overviews are for keys that may read, and for nobody else', async () => {
  const key = await makeKey(service, { scopes: ['runs:start'] })
  for (const path of [
    '/api/timeline',
    '/api/jobs/strips?ids=ab12cd34ef56',
    '/api/failures',
    '/api/costs',
    '/api/jobs/ab12cd34ef56/days',
  ]) {
    assert.equal(codeOf(await service.api('GET', path, undefined, key.as)), '403 SCOPE_MISSING', path)
    assert.equal((await fetch(service.url + path)).status, 401, path)
  }
})
