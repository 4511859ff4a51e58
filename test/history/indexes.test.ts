import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import {
  createAuditStore,
  createDatabase,
  createLogStore,
  createStore,
  loadLists,
  loadOverview,
} from '../../db/index.ts'
import type { RunFilter } from '../../db/run-lists.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { until } from '../support/until.ts'

// Whatever a route reads of a table that grows, it reads by an index that has little else.

const runsMost = 40_000
let database: TestDatabase
const hex = (n: number) => n.toString(16).padStart(12, '0')
const resting = hex(1_985)

before(async () => {
  database = await createTestDatabase()
  const { sql } = database
  await sql`
    insert into jobs (id, name, schedule, timezone, anchor, action, tags)
    select lpad(to_hex(n), 12, '0'), 'job', '{"kind":"cron","text":"","display":"","expr":"0 9 * * *"}', 'UTC', now(), '{"type":"none"}',
      case when n > 1990 then '{rare,all}'::text[] else '{all}'::text[] end
    from generate_series(1, 2000) n`
  await sql`
    insert into job_runtime (job_id, armed_gen, state, wake_at, armed_at)
    select id, 1, case when id > ${hex(1995)} then 'error' else 'scheduled' end, now() + interval '1 day', now() + interval '1 day'
    from jobs`
  await sql`
    insert into runs (id, seq, job_id, slot, trigger, state, fence, attempt, claimed_at, started_at, finished_at)
    select gen_random_uuid(), extract(epoch from at) * 1000000, lpad(to_hex(1 + n % 1980), 12, '0'), at, 'fire',
      case when n % 10 = 0 then 'failed' when n % 20000 = 7 then 'interrupted' else 'succeeded' end, 1, 1, at, at, at
    from generate_series(1, ${runsMost}) n, lateral (select timestamptz '2026-01-01' + n * interval '1 minute' as at) t`
  await sql`
    update runs set state = 'running', finished_at = null, owner = 'us', lease_until = now()
    where seq < extract(epoch from timestamptz '2026-01-01 00:03') * 1000000`
  await sql`
    insert into deliveries (id, run_id, job_id, target, event, state, due_at, finished_at)
    select gen_random_uuid(), id, job_id, '{}', 'success', state, case when state = 'pending' then now() end,
      case when state <> 'pending' then now() end
    from (select id, job_id, case when row_number() over () % 5000 = 0 then 'failed'
      when row_number() over () % 7000 = 0 then 'pending' else 'delivered' end as state from runs) r`
  await sql`
    insert into audit (actor, action)
    select case when n % 5000 = 0 then 'rare' else 'key' end, case when n % 7000 = 0 then 'deleteJob' else 'runJob' end
    from generate_series(1, ${runsMost}) n`
  await sql`insert into arms (job_id, id, gen, took_ms, outcome) select id, n, n, 1, 'armed' from jobs, generate_series(1, 20) n`
  await sql`
    insert into attempt_logs (run_id, attempt, job_id, head, total) select id, 1, job_id, 'words', 5 from runs where state = 'failed'`
  await sql`
    insert into folded_slots (job_id, first_slot, last_slot, count, verdict, reason, rule)
    select id, now(), now(), 1, 'missed', 'late', '{"schedule":{"kind":"cron"},"anchor":"2026-01-01"}'
    from jobs, generate_series(1, 10)`
  await sql`insert into job_days (job_id, day) select id, date '2026-01-01' + n from jobs, generate_series(1, 10) n`
  await sql`
    insert into busy_days (job_id, day, awake_ms)
    select id, date '2026-01-01' + n, n from (select id from jobs order by id limit 200) j, generate_series(1, 10) n`
  await sql`insert into idempotency_keys (key, body_hash, job_id) select id, 'hash', id from jobs`
  await sql`vacuum analyze`
  await sql`update history set folded_to = now(), slots_to = (select max(id) from folded_slots)`
  // what was read until here: an idle connection notes it some seconds later, and it would count for a test
  await Promise.all(
    Array.from({ length: sql.options.max }, () => sql`select pg_stat_force_next_flush(), pg_sleep(0.2)`),
  )
})
after(() => database.drop())

const tables = [
  'runs',
  'deliveries',
  'audit',
  'arms',
  'attempt_logs',
  'job_days',
  'busy_days',
  'folded_slots',
]

type Reads = { sequential: number; rows: number }

/** What has been read of these tables by connections that are closed: whole, and rows by any way. */
async function readsSoFar(): Promise<Reads> {
  const [row] = await database.sql<Reads[]>`
    select sum(seq_scan)::int as sequential, sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::int
      + (select coalesce(sum(idx_tup_read), 0)::int from pg_stat_user_indexes where relname in ${database.sql(tables)}) as rows
    from pg_stat_user_tables where relname in ${database.sql(tables)}`
  return row as Reads
}

/** What `work` reads, on connections of its own: Postgres notes it when they close. */
async function readsOf(work: (needs: ReturnType<typeof needsOf>) => Promise<unknown>): Promise<Reads> {
  const name = `reads ${randomBytes(4).toString('hex')}`
  const earlier = await readsSoFar()
  const db = createDatabase({ url: database.url, applicationName: name, deadlineMs: 20_000 })
  await work(needsOf(db))
  await db.close()
  await until('its connections are closed', async () => {
    const open = await database.sql`select from pg_stat_activity where application_name = ${name}`
    return open.length === 0
  })
  await database.sql`select pg_stat_clear_snapshot()`
  const { sequential, rows } = await readsSoFar()
  return { sequential: sequential - earlier.sequential, rows: rows - earlier.rows }
}

const needsOf = (db: ReturnType<typeof createDatabase>) => ({
  store: createStore(db),
  audit: createAuditStore(db),
  logs: createLogStore(db),
  lists: () => loadLists(db),
  overview: () => loadOverview(db, () => null),
})

const at = (text: string) => new Date(`2026-${text}Z`)
const any: RunFilter = { project: null, jobId: null, states: [], tag: null, since: null, until: null }
const page = { after: null, limit: 100 }
const project = null
const night = { since: at('01-10T20:00:00'), until: at('01-11T06:00:00') }

const runFilters: Record<string, Partial<RunFilter>> = {
  'no filter': {},
  'a state that is rare': { states: ['interrupted'] },
  'a state that has no run': { states: ['timed_out'] },
  'several states, one of them common': { states: ['interrupted', 'skipped', 'succeeded'] },
  'live states': { states: ['claimed', 'running', 'waiting'] },
  'a state that is common elsewhere, of a job': { states: ['skipped', 'interrupted'], jobId: hex(7) },
  'a job': { jobId: hex(7) },
  'a tag that is rare, whose jobs have no run': { tag: 'rare' },
  'a tag that is rare, and a state': { tag: 'rare', states: ['failed', 'interrupted'] },
  'a tag that no job has': { tag: 'none' },
  'a tag that is common': { tag: 'all' },
  'a span of time': night,
  'a span of time in which no run has the state': { ...night, states: ['skipped', 'timed_out'] },
  'a span of time, of a job': { ...night, jobId: hex(7) },
  'a time behind all runs': { since: at('12-31T00:00:00') },
  'a time before all runs': { until: new Date('2025-01-01') },
}

for (const [name, filter] of Object.entries(runFilters))
  test(`runs with ${name} are read by an index`, async () => {
    const reads = await readsOf(async ({ lists }) => (await lists()).runs({ ...any, ...filter }, page))
    assert.equal(reads.sequential, 0)
    assert.ok(reads.rows < 2_000, `${reads.rows} rows read`)
  })

const routes: Record<string, (needs: ReturnType<typeof needsOf>) => Promise<unknown>> = {
  'the counts of the status': ({ store }) => store.readCounts({ isNasUsed: true }),
  'the totals': ({ store }) => store.totals(),
  'the ended runs': ({ store }) => store.endedRuns(),
  deliveries: ({ store }) => store.listDeliveries({ ...page, state: null, project }),
  'deliveries that failed': ({ store }) => store.listDeliveries({ ...page, project, state: 'failed' }),
  'deliveries that are pending': ({ store }) => store.listDeliveries({ ...page, project, state: 'pending' }),
  'deliveries behind a cursor': ({ store }) =>
    store.listDeliveries({ project, state: 'failed', limit: 5, after: 20_000 }),
  'the audit log': ({ audit }) => audit.list({ project, actor: null, action: null }, page),
  'the audit log of an actor': ({ audit }) => audit.list({ project, actor: 'rare', action: null }, page),
  'the audit log of an action': ({ audit }) =>
    audit.list({ project, actor: null, action: 'deleteJob' }, page),
  'the audit log of an action by an actor': ({ audit }) =>
    audit.list({ project, actor: 'rare', action: 'deleteJob' }, page),
  arms: async ({ lists }) => (await lists()).arms(hex(7)),
  jobs: async ({ lists }) =>
    (await lists()).jobs({ project, states: ['scheduled', 'paused'], tag: null, text: null }, page),
  'jobs in error': async ({ lists }) =>
    (await lists()).jobs({ project, states: ['error'], tag: null, text: null }, page),
  'a job': async ({ lists }) => (await lists()).surroundings(hex(7)),
  'the timeline of the 25 jobs that wake first': async ({ overview }) =>
    (await overview()).lanes({
      project,
      from: at('01-28T00:00:00'),
      to: new Date('2040-01-01'),
      limit: 24,
      slotsMost: 288,
    }),
  'strips of 25 jobs': async ({ overview }) =>
    (await overview()).strips(
      Array.from({ length: 25 }, (_, n) => hex(n + 1)),
      project,
    ),
  'the days of a job': async ({ overview }) =>
    (await overview()).days(hex(7), { from: at('01-01T00:00:00'), to: at('12-31T00:00:00') }),
  'failures of a night': async ({ overview }) =>
    (await overview()).failures({ project, since: at('01-28T12:00:00'), jobId: null }),
  'failures of a job': async ({ overview }) =>
    (await overview()).failures({ project, since: at('01-01T00:00:00'), jobId: hex(10) }),
  slots: ({ store }) =>
    store.readLedger(hex(7), { from: at('01-01T00:00:00'), to: at('02-01T00:00:00'), limit: 1000 }),
}

for (const [name, work] of Object.entries(routes))
  test(`${name}: read by an index`, async () => {
    const reads = await readsOf(work)
    assert.equal(reads.sequential, 0)
    assert.ok(reads.rows < 2_000, `${reads.rows} rows read`)
  })

test('the costs of a day: of the busiest jobs the row of that day, by an index, however many jobs there are', async () => {
  const day = at('01-05T00:00:00')
  const reads = await readsOf(async ({ overview }) => {
    const { jobs } = await (await overview()).costs({ project, from: day, to: day })
    assert.equal(jobs.length, 100)
  })
  assert.equal(reads.sequential, 0)
  // 200 of 2,000 jobs, each row counted in the index and in the table
  assert.ok(reads.rows > 400 && reads.rows < 1_500, `${reads.rows} rows read`)
})

test('a run by its id, with its deliveries and its log: read by an index', async () => {
  const [run] = await database.sql<{ id: string }[]>`select id from runs order by seq desc limit 1`
  const id = run?.id as string
  const reads = await readsOf(async ({ lists, store, logs }) => {
    assert.ok(await (await lists()).run(id))
    assert.ok(await store.jobOfRun(id))
    assert.equal((await store.deliveriesOf(id)).length, 1)
    assert.ok(await logs.read(id, null))
  })
  assert.deepEqual(reads.sequential, 0)
  assert.ok(reads.rows < 100)
})

test('a whole table that is read is seen by these tests', async () => {
  const reads = await readsOf(async ({ store }) => {
    await store.now()
    const db = createDatabase({ url: database.url })
    await db.run((sql) => sql`select count(*) from audit where action like '%x%'`)
    await db.close()
  })
  assert.ok(reads.sequential > 0 && reads.rows >= runsMost)
})

const ofResting: typeof routes = {
  runs: async ({ lists }) => (await lists()).runs({ ...any, jobId: resting }, page),
  surroundings: async ({ lists }) => (await lists()).surroundings(resting),
  days: async ({ overview }) =>
    (await overview()).days(resting, { from: at('01-01T00:00:00'), to: at('12-31T00:00:00') }),
  output: ({ store }) => store.lastOutput(resting, resting),
}

test('of a job with a tenth of all runs, each older than those of the others, those are not read', async () => {
  await database.sql`
    insert into runs (id, seq, job_id, slot, trigger, state, fence, attempt, claimed_at, started_at, finished_at, output)
    select gen_random_uuid(), extract(epoch from at) * 1000000, ${resting}, at, 'fire', 'succeeded', 1, 1, at, at, at, 'x'
    from generate_series(1, 4000) n, lateral (select timestamptz '2026-01-01' - n * interval '1 minute' as at) t`
  await database.sql`vacuum analyze runs`
  await database.sql`select pg_stat_force_next_flush(), pg_sleep(0.2)`
  for (const [name, work] of Object.entries(ofResting)) {
    const reads = await readsOf(work)
    assert.equal(reads.sequential, 0, name)
    // its own are 4,000, and 4,000 entries of an index
    assert.ok(reads.rows < 9_000, `${name}: ${reads.rows} rows read`)
  }
})
