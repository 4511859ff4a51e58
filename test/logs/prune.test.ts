import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createPruner } from '../../src/attempt-logs/prune.ts'
import { openLogs } from './setup.ts'

type Opened = Awaited<ReturnType<typeof openLogs>>
let opened: Opened
before(async () => {
  opened = await openLogs()
})
after(() => opened.close())

/** A run with an output and a log. */
async function loggedRun(jobId: string, wish: Parameters<Opened['makeRun']>[1] = {}): Promise<string> {
  const run = await opened.makeRun(jobId, wish)
  assert.equal(await opened.say(run, 'words'), true)
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

const prune = (jobId: string, kept: { runs?: number; days?: number }, limit = 100) =>
  opened.store.prune(jobId, { runs: 1_000, days: 90, ...kept }, limit)

test('beyond the newest runs logs and outputs go, and the runs stay', async () => {
  const job = await opened.makeJob()
  for (let i = 0; i < 5; i++) await loggedRun(job)
  assert.equal(await prune(job, { runs: 2 }), 3)
  assert.deepEqual(await keptOf(job), ['--', '--', '--', 'OL', 'OL'])
  assert.equal(await prune(job, { runs: 2 }), 0)
})

test('after so many days logs and outputs go', async () => {
  const job = await opened.makeJob()
  for (const daysAgo of [30, 10.01, 9.99, 0]) await loggedRun(job, { daysAgo })
  assert.equal(await prune(job, { days: 10 }), 2)
  assert.deepEqual(await keptOf(job), ['--', '--', 'OL', 'OL'])
})

test('nothing is taken of the newest success, however old it is; once there is a newer one, it goes', async () => {
  const job = await opened.makeJob()
  for (const state of ['succeeded', 'succeeded', 'failed', 'failed'])
    await loggedRun(job, { state, daysAgo: 400 })
  assert.equal(await prune(job, { days: 10 }), 3)
  assert.deepEqual(await keptOf(job), ['--', 'OL', '--', '--'])
  assert.equal(await prune(job, { days: 10 }), 0)
  await loggedRun(job)
  assert.equal(await prune(job, { days: 10 }), 1)
  assert.deepEqual(await keptOf(job), ['--', '--', '--', '--', 'OL'])
})

test('a run that is not over is left alone until it is', async () => {
  const job = await opened.makeJob()
  await loggedRun(job, { daysAgo: 400 })
  const live = await loggedRun(job, { state: 'running', daysAgo: 300 })
  await loggedRun(job, { daysAgo: 200 })
  await loggedRun(job)
  assert.equal(await prune(job, {}), 2)
  assert.deepEqual(await keptOf(job), ['--', 'OL', '--', 'OL'])
  await opened.sql`update runs set state = 'failed', finished_at = claimed_at, owner = null, lease_until = null where id = ${live}`
  assert.equal(await prune(job, {}), 1)
  assert.deepEqual(await keptOf(job), ['--', '--', '--', 'OL'])
})

test('one statement takes so many, the oldest first, and the next goes on from there', async () => {
  const job = await opened.makeJob()
  for (let i = 0; i < 5; i++) await loggedRun(job, { daysAgo: 400 })
  await loggedRun(job)
  const taken = [
    await prune(job, {}, 2),
    await prune(job, {}, 2),
    await prune(job, {}, 2),
    await prune(job, {}, 2),
  ]
  assert.deepEqual(taken, [2, 2, 1, 0])
  assert.deepEqual(await keptOf(job), ['--', '--', '--', '--', '--', 'OL'])
})

test('what was looked through is noted, and the note of a job that is gone goes', async () => {
  const { makeJob, makeRun, sql } = opened
  const job = await makeJob()
  for (let i = 0; i < 3; i++) await makeRun(job, { state: 'failed', output: null, daysAgo: 400 })
  assert.equal(await prune(job, {}), 0)
  const noted = () => sql`select (value ->> 'seq')::bigint as seq from facts where name = ${`pruned:${job}`}`
  const [last] = await sql`select max(seq) as seq from runs where job_id = ${job}`
  assert.deepEqual([...(await noted())], [{ seq: last?.['seq'] }])
  await sql`delete from jobs where id = ${job}`
  await prune(await makeJob(), {})
  assert.deepEqual([...(await noted())], [])
})

test('two processes that prune at once take each run once', async () => {
  const job = await opened.makeJob()
  for (let i = 0; i < 20; i++) await loggedRun(job, { daysAgo: 400 })
  await loggedRun(job)
  const taken = await Promise.all([prune(job, {}), prune(job, {}), prune(job, {})])
  assert.equal(
    taken.reduce((sum, count) => sum + count, 0),
    20,
  )
})

test('a pass keeps of each job what its author wants, and reaches jobs that did not run', async () => {
  const [brief, idle] = [await opened.makeJob({ retention: { runs: 1 } }), await opened.makeJob()]
  for (let i = 0; i < 3; i++) await loggedRun(brief)
  await loggedRun(idle, { daysAgo: 400 })
  await loggedRun(idle, { daysAgo: 80 })
  await createPruner({ store: opened.store, isDraining: () => false })(brief)
  assert.deepEqual(await keptOf(brief), ['--', '--', 'OL'])
  assert.deepEqual(await keptOf(idle), ['--', 'OL'])
})

test('a pass ends with the process', async () => {
  const job = await opened.makeJob()
  for (let i = 0; i < 3; i++) await loggedRun(job, { daysAgo: 400 })
  const asked: string[] = []
  const store = {
    ...opened.store,
    prune: (...given: Parameters<Opened['store']['prune']>) => {
      asked.push(given[0])
      return opened.store.prune(...given)
    },
  }
  await createPruner({ store, isDraining: () => true })(job)
  assert.deepEqual(asked, [job])
})
