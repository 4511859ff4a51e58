import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { busyMost } from '../../db/busy-days.ts'
import { readCosts } from '../../db/costs.ts'
import { costsBody } from '../../routes/costs-body.ts'
import { dayMs, noon, openHistory, type OpenedHistory } from './setup.ts'

let opened: OpenedHistory
before(async () => {
  opened = await openHistory()
})
after(() => opened.close())

const jobs = 320

/** A run of each job that ends at `end`; for how long each was at work differs by the job and the round. */
async function endRuns(end: Date, round: number) {
  await opened.sql`
    insert into runs (id, seq, job_id, trigger, state, fence, attempt, claimed_at, started_at, finished_at, attempts)
    select gen_random_uuid(), extract(epoch from at) * 1000000 + n, id, 'manual', 'succeeded', 1, 1, at, at, at, jsonb_build_array(
      jsonb_build_object('state', 'succeeded', 'finished_at', at,
        'started_at', at - abs(hashint4(n * 7 + ${round})) % 50000 * interval '1 ms'))
    from (select id, row_number() over (order by id)::int as n, ${end}::timestamptz as at from jobs) j`
}

const costsOf = (from: Date, to: Date, project: string | null = null) =>
  opened.db.run((sql) => readCosts(sql, { project, from, to, now: noon }))

test('the busiest jobs of each day are kept, and the costs by job and of all others add up to the totals', async () => {
  const { sql } = opened
  await sql`
    insert into jobs (id, name, schedule, timezone, anchor, action)
    select lpad(to_hex(n), 12, '0'), 'job ' || n, '{"kind":"cron","text":"0 9 * * *","display":"","expr":"0 9 * * *"}'::jsonb,
      'UTC', ${noon}, '{"type":"none"}' from generate_series(1, ${jobs}::int) n`
  const today = new Date('2026-06-18T00:00:00Z')
  const first = new Date(today.getTime() - 2 * dayMs)
  for (let round = 0; round < 6; round++) {
    // two rounds for each of three days, each added up by itself
    const end = new Date(first.getTime() + Math.floor(round / 2) * dayMs + (1 + (round % 2)) * 3_600_000)
    await endRuns(end, round)
    opened.setClock(new Date(end.getTime() + 1_800_000))
    while ((await opened.fold(150)).isMore);
  }
  opened.setClock(noon)
  const wrong = await sql`
    select * from (
      select day, job_id, awake_ms::int, rank() over (partition by day order by awake_ms desc) as place from job_days) d
    full join busy_days b using (day, job_id)
    where (place <= ${busyMost} and b.awake_ms is distinct from d.awake_ms) or place is null`
  assert.deepEqual([...wrong], [])
  const counts = await sql<{ n: number }[]>`select count(*)::int as n from busy_days group by day`
  assert.equal(counts.length, 3)
  assert.ok(counts.every(({ n }) => n >= busyMost && n < jobs))

  const costs = await costsOf(first, today)
  assert.equal(costs.jobs.length, 100)
  // each of them as a whole, whichever of its days it is among the busiest of
  const rows = await sql<{ job_id: string; ms: number; runs: number }[]>`
    select job_id, sum(awake_ms)::int as ms, sum(runs_succeeded)::int as runs from job_days group by 1 order by 2 desc, 1`
  const all = new Map(rows.map((row) => [row.job_id, row]))
  assert.ok(costs.jobs.every(({ jobId, busyMs }) => all.get(jobId)?.ms === busyMs))
  assert.deepEqual(
    costs.jobs.slice(0, 20).map(({ jobId }) => jobId),
    rows.slice(0, 20).map((row) => row.job_id),
  )
  const { others, totals } = costsBody(costs, { from: first, to: today })
  const listedMs = costs.jobs.reduce((sum, { busyMs }) => sum + busyMs, 0)
  const listedRuns = costs.jobs.reduce((sum, { runs }) => sum + runs, 0)
  assert.equal(totals.runs, jobs * 6)
  assert.deepEqual([others.busy_ms + listedMs, others.runs + listedRuns], [totals.busy_ms, totals.runs])
  assert.ok(others.runs > 0)
})

test('a job of a project is among its costs, however many others are busier', async () => {
  const { sql } = opened
  const today = new Date('2026-06-18T00:00:00Z')
  const [idle] = await sql<{ job_id: string }[]>`
    select job_id from job_days group by 1 order by sum(awake_ms) limit 1`
  await sql`insert into projects (name) values ('small')`
  await sql`update jobs set project = 'small' where id = ${idle?.job_id as string}`
  const { jobs: ofSmall } = await costsOf(new Date(today.getTime() - 2 * dayMs), today, 'small')
  assert.deepEqual(
    ofSmall.map(({ jobId, runs }) => [jobId, runs]),
    [[idle?.job_id, 6]],
  )
})

test('what a day has of busy jobs goes with the days of the jobs', async () => {
  const { sql, history } = opened
  await sql`insert into busy_days (job_id, day, awake_ms) values ('0000000000ff', '2020-01-01', 1)`
  while (await history.expire());
  assert.equal((await sql`select from busy_days where day < '2026-01-01'`).length, 0)
  const [busiest] = await sql<
    { job_id: string }[]
  >`select job_id from busy_days order by awake_ms desc limit 1`
  const jobId = busiest?.job_id as string
  await sql`delete from jobs where id = ${jobId}`
  await sql`insert into orphans (job_id, deleted_at) values (${jobId}, '2026-06-18T00:00:00Z')`
  await sql`update history set folded_to = '2026-06-18T11:59:00Z'`
  while (await history.purge());
  assert.equal((await sql`select from busy_days where job_id = ${jobId}`).length, 0)
})
