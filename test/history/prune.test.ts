import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, beforeEach, test } from 'node:test'
import { bareRuns, type Kept, removeRuns } from '../../db/history-prune.ts'
import { dayMs, noon, openHistory, type OpenedHistory, type RunWish } from './setup.ts'

let opened: OpenedHistory
before(async () => {
  opened = await openHistory()
})
after(() => opened.close())
beforeEach(async () => {
  opened.setClock(noon)
  await opened.sql`truncate runs, job_days, service_days, job_history, deliveries cascade`
  await opened.sql`update history set folded_to = '-infinity', slots_to = 0`
})

const daysAgo = (days: number) => days * dayMs

/** A run with an output and a log. */
async function loggedRun(jobId: string, wish: RunWish = {}): Promise<string> {
  const run = await opened.makeRun(jobId, wish)
  await opened.sql`
    insert into attempt_logs (run_id, attempt, job_id, head, total) values (${run}, 1, ${jobId}, 'words', 5)`
  return run
}

/** Of the job's runs, oldest first: whether output and log are there. */
async function keptOf(jobId: string): Promise<string[]> {
  const rows = await opened.sql<{ kept: string }[]>`
    select (case when output is null then '-' else 'O' end) ||
      (case when exists (select from attempt_logs l where l.run_id = r.id) then 'L' else '-' end) as kept
    from runs r where job_id = ${jobId} order by seq`
  return rows.map(({ kept }) => kept)
}

const usual: Kept = { runs: 1_000, days: 90, historyRuns: 10_000, historyDays: 90 }

async function bare(jobId: string, kept: Partial<Kept>, limit = 100): Promise<number> {
  await opened.fold()
  return opened.db.transaction((tx) => bareRuns(tx, { jobId, kept: { ...usual, ...kept }, now: noon, limit }))
}

test('beyond the newest runs logs and outputs go, and the runs stay', async () => {
  const job = await opened.makeJob()
  for (let i = 5; i > 0; i--) await loggedRun(job, { msAgo: i * 3_600_000 })
  assert.equal(await bare(job, { runs: 2 }), 3)
  assert.deepEqual(await keptOf(job), ['--', '--', '--', 'OL', 'OL'])
  assert.equal(await bare(job, { runs: 2 }), 0)
})

test('after so many days logs and outputs go', async () => {
  const job = await opened.makeJob()
  for (const days of [30, 10.01, 9.99, 0.1]) await loggedRun(job, { msAgo: daysAgo(days) })
  assert.equal(await bare(job, { days: 10 }), 2)
  assert.deepEqual(await keptOf(job), ['--', '--', 'OL', 'OL'])
})

test('nothing is taken of the newest success, however old it is; once there is a newer one, it goes', async () => {
  const job = await opened.makeJob()
  const states = ['succeeded', 'succeeded', 'failed', 'failed']
  for (const [n, state] of states.entries()) await loggedRun(job, { state, msAgo: daysAgo(400 - n) })
  assert.equal(await bare(job, { days: 10 }), 3)
  assert.deepEqual(await keptOf(job), ['--', 'OL', '--', '--'])
  assert.equal(await bare(job, { days: 10 }), 0)
  await loggedRun(job)
  assert.equal(await bare(job, { days: 10 }), 1)
  assert.deepEqual(await keptOf(job), ['--', '--', '--', '--', 'OL'])
})

test('the log of a run that is not over is left alone until it is', async () => {
  const job = await opened.makeJob()
  await loggedRun(job, { msAgo: daysAgo(400) })
  const live = await loggedRun(job, { state: 'running', msAgo: daysAgo(300) })
  await loggedRun(job, { msAgo: daysAgo(200) })
  await loggedRun(job)
  assert.equal(await bare(job, {}), 2)
  assert.deepEqual(await keptOf(job), ['--', 'OL', '--', 'OL'])
  await opened.sql`
    update runs set state = 'failed', finished_at = claimed_at, owner = null, lease_until = null where id = ${live}`
  assert.equal(await bare(job, {}), 1)
  assert.deepEqual(await keptOf(job), ['--', '--', '--', 'OL'])
})

test('one step takes so many, the oldest first, and the next goes on from there', async () => {
  const job = await opened.makeJob()
  for (let i = 0; i < 5; i++) await loggedRun(job, { msAgo: daysAgo(400 - i) })
  await loggedRun(job)
  const taken: number[] = []
  for (let i = 0; i < 4; i++) taken.push(await bare(job, {}, 2))
  assert.deepEqual(taken, [2, 2, 1, 0])
  assert.deepEqual(await keptOf(job), ['--', '--', '--', '--', '--', 'OL'])
})

async function remove(jobId: string, kept: Partial<Kept>, limit = 100): Promise<number> {
  await opened.fold()
  return opened.db.transaction((tx) =>
    removeRuns(tx, { jobId, kept: { ...usual, ...kept }, now: noon, limit }),
  )
}

async function idsOf(jobId: string): Promise<string[]> {
  const rows = await opened.sql<{ id: string }[]>`select id from runs where job_id = ${jobId} order by seq`
  return rows.map(({ id }) => id)
}

test('runs beyond the newest go with their logs and deliveries, and what they add up to stays', async () => {
  const job = await opened.makeJob()
  const ids: string[] = []
  for (let i = 5; i > 0; i--) ids.push(await loggedRun(job, { msAgo: i * 3_600_000 }))
  await delivery(ids[0] as string, job, 'delivered')
  const totals = await opened.store.totals()
  assert.equal(await remove(job, { historyRuns: 2 }), 3)
  assert.deepEqual(await idsOf(job), ids.slice(3))
  assert.deepEqual(await opened.store.totals(), totals)
  const [{ logs, told } = {}] = await opened.sql`
    select (select count(*)::int from attempt_logs) as logs, (select count(*)::int from deliveries) as told`
  assert.deepEqual([logs, told], [2, 0])
})

test('runs that were claimed too many days ago go, but never the newest run nor the newest output', async () => {
  const job = await opened.makeJob()
  const ids: string[] = []
  for (const [n, days] of [400, 300, 200, 100, 95].entries())
    ids.push(await opened.makeRun(job, { msAgo: daysAgo(days), state: n === 2 ? 'succeeded' : 'failed' }))
  assert.equal(await remove(job, { historyDays: 96 }), 3)
  assert.deepEqual(await idsOf(job), [ids[2], ids[4]])
  assert.equal(await remove(job, { historyDays: 1 }), 0)
})

test('a run that is live or not in the days yet stays', async () => {
  const job = await opened.makeJob()
  const live = await opened.makeRun(job, { state: 'waiting', msAgo: daysAgo(400) })
  const old = await opened.makeRun(job, { msAgo: daysAgo(399) })
  // claimed long ago, and over for less than a minute
  const recent = await opened.makeRun(job, { msAgo: 30_000, tookMs: daysAgo(398), output: null })
  const newest = await opened.makeRun(job)
  assert.equal(await remove(job, {}), 1)
  assert.deepEqual(await idsOf(job), [live, recent, newest])
  assert.ok(old)
  opened.setClock(new Date(noon.getTime() + 60_000))
  assert.equal(await remove(job, {}), 1)
})

async function delivery(runId: string, jobId: string, state: string, finishedDaysAgo = 0) {
  const isPending = state === 'pending'
  await opened.sql`
    insert into deliveries (id, run_id, job_id, target, event, state, due_at, finished_at)
    values (${randomUUID()}, ${runId}, ${jobId}, '{}', 'failure', ${state}, ${isPending ? noon : null},
      ${isPending ? null : new Date(noon.getTime() - daysAgo(finishedDaysAgo))})`
}

test('a run with a delivery that is owed, or that failed within 30 days, stays', async () => {
  const job = await opened.makeJob()
  const [owed, failed, longFailed, delivered] = await Promise.all(
    [4, 3, 2, 1].map((n) => opened.makeRun(job, { msAgo: daysAgo(400 + n), output: null })),
  )
  const newest = await opened.makeRun(job)
  await delivery(owed as string, job, 'pending')
  await delivery(failed as string, job, 'failed', 29)
  await delivery(longFailed as string, job, 'failed', 31)
  await delivery(delivered as string, job, 'delivered')
  assert.equal(await remove(job, {}), 2)
  assert.deepEqual(await idsOf(job), [owed, failed, newest])
})

test('a job with too many runs is due at once, each job as its author wants, and many rows go in many steps', async () => {
  const [brief, idle] = [
    await opened.makeJob({ retention: { runs: 1, days: 90, historyRuns: 3, historyDays: 90 } }),
    await opened.makeJob(),
  ]
  await opened.sql`
    insert into runs (id, seq, job_id, trigger, state, fence, attempt, claimed_at, started_at, finished_at, output)
    select gen_random_uuid(), extract(epoch from at) * 1000000 + n, ${brief}, 'manual', 'succeeded', 1, 1, at, at, at, 'said'
    from generate_series(1, 1200) n, (select ${noon}::timestamptz - interval '1 hour' as at) t`
  await loggedRun(idle, { msAgo: daysAgo(400) })
  await loggedRun(idle, { msAgo: daysAgo(80) })
  await opened.history.fold()
  let steps = 0
  while (await opened.history.prune()) steps += 1
  assert.deepEqual(await keptOf(brief), ['--', '--', 'O-'])
  // the other job is not due yet, and is looked at within a day
  assert.equal((await keptOf(idle)).length, 2)
  assert.ok(steps >= 3)
  opened.setClock(new Date(noon.getTime() + dayMs))
  assert.equal(await opened.history.prune(), true)
  while (await opened.history.prune()) steps += 1
  assert.deepEqual(await keptOf(idle), ['OL'])
  const [{ kept } = {}] = await opened.sql`select kept from job_history where job_id = ${brief}`
  assert.equal(kept, 3)
})

test('processes that prune at once take each run once, and do not wait for each other', async () => {
  const jobs = await Promise.all(
    [1, 2, 3].map(() =>
      opened.makeJob({ retention: { runs: 1, days: 90, historyRuns: 2, historyDays: 90 } }),
    ),
  )
  for (const job of jobs) for (let n = 0; n < 10; n++) await opened.makeRun(job, { msAgo: 3_600_000 - n })
  await opened.fold()
  const steps = await Promise.all(Array.from({ length: 6 }, () => opened.history.prune()))
  assert.ok(steps.filter(Boolean).length >= 3)
  while (await opened.history.prune());
  for (const job of jobs) {
    assert.equal((await idsOf(job)).length, 2)
    const [{ kept } = {}] = await opened.sql`select kept from job_history where job_id = ${job}`
    assert.equal(kept, 2)
  }
})
