import { createDatabase, loadHistory } from '../db/index.ts'
import { policyFrom } from '../src/decisions/index.ts'
import { median, percentile, reach, show, table } from './numbers.ts'
import { start } from './process.ts'
import { armedAt, jobId, jobIds, seedJobs, seedKnowledge } from './seed.ts'
import { seedHistory } from './history-seed.ts'
import { startStandIn } from './stand-in.ts'
import { apiKey, type Database, serviceEnv, type World } from './world.ts'

const usual = { jobs: 100_000, runs: 10_000_000, big: 1_000_000, tail: 4_000 }
type Size = typeof usual
const rounds = 30
const mostMs = 50

const runId = (n: number) => `00000000-0000-0000-0000-${n.toString(16).padStart(12, '0')}`
const hourAgo = () => new Date(Date.now() - 3_600_000).toISOString()

/** What the API is asked that reads tables which grow. */
const questionsOf = ({ jobs, runs }: Size): [question: string, path: () => string][] => [
  ['status', () => '/api/status'],
  ['metrics', () => '/metrics'],
  ['50 jobs', () => '/api/jobs?limit=50'],
  ['jobs of a tag', () => '/api/jobs?limit=50&tag=few'],
  ['a job', () => `/api/jobs/${jobId(70)}`],
  ['slots of a day', () => `/api/jobs/${jobId(70)}/slots`],
  ['arms', () => `/api/jobs/${jobId(70)}/arm`],
  ['runs', () => '/api/runs'],
  ['runs, failed', () => '/api/runs?status=failed'],
  ['runs, interrupted (5 of them)', () => '/api/runs?status=interrupted'],
  ['runs, timed out (none)', () => '/api/runs?status=timed_out'],
  [
    'runs, failed, interrupted, timed out, cancelled',
    () => '/api/runs?status=failed,interrupted,timed_out,cancelled',
  ],
  ['runs that are live', () => '/api/runs?status=claimed,running,waiting'],
  ['runs of the last hour', () => `/api/runs?since=${hourAgo()}`],
  [
    'runs up to a day ago, failed',
    () => `/api/runs?status=failed&until=${new Date(Date.now() - 86_400_000).toISOString()}`,
  ],
  ['runs of a tag that 10 jobs have', () => '/api/runs?tag=few'],
  ['the same, interrupted', () => '/api/runs?tag=few&status=interrupted'],
  ['runs of a tag that every job has', () => '/api/runs?tag=all'],
  ['runs of a job', () => `/api/jobs/${jobId(70)}/runs`],
  ['runs of a job with a million, interrupted', () => `/api/jobs/${jobId(jobs + 1)}/runs?status=interrupted`],
  ['a run', () => `/api/runs/${runId(runs)}`],
  ['its deliveries', () => `/api/runs/${runId(runs)}/deliveries`],
  ['deliveries', () => '/api/deliveries'],
  ['deliveries, failed', () => '/api/deliveries?state=failed'],
  ['deliveries, pending (none)', () => '/api/deliveries?state=pending'],
  ['audit', () => '/api/audit'],
  ['audit, an action that is rare', () => '/api/audit?action=deleteJob'],
  ['the page: timeline of a day', () => '/api/timeline'],
  ['strips of 50 jobs', () => `/api/jobs/strips?ids=${jobIds(50).join(',')}`],
  ['days of a job', () => `/api/jobs/${jobId(70)}/days`],
  ['days of a job with a million runs', () => `/api/jobs/${jobId(jobs + 1)}/days`],
  ['failures of a day', () => '/api/failures'],
  ['failures of a job', () => `/api/failures?job=${jobId(70)}`],
  ['costs of 30 days', () => '/api/costs'],
]

/** What the API answers where there are ten million runs of 100,000 jobs, and how fast history ends. */
export async function history(world: World, size: Size = usual): Promise<string> {
  const questions = questionsOf(size)
  const big = jobId(size.jobs + 1)
  const database = await world.database()
  const { sql } = database
  await seedJobs(sql, { count: size.jobs + 1, next: 86_000 })
  await sql`update jobs set tags = case when id <= ${jobId(10)} then '{few,all}'::text[] else '{all}'::text[] end`
  const seeded = await seedHistory(sql, size)
  await seedKnowledge(sql, world.keys)
  const armed = jobIds(size.jobs + 1).map((job_id) => ({
    job_id,
    fire_at: armedAt.toISOString(),
    schedule_id: 'bench',
  }))
  const { nas } = await startStandIn(armed)
  const env = { ...serviceEnv(database, nas, world.keys), NODE_COMPILE_CACHE: world.programs.cache }
  const running = await start({ program: world.programs.server, env })
  const times: [question: string, ms: number[]][] = questions.map(([question]) => [question, []])
  for (let round = 0; round < rounds + 2; round++)
    for (const [n, [, path]] of questions.entries()) {
      const startedAt = performance.now()
      await api(running.url, 'GET', path())
      // the first of each have code and pages to load
      if (round >= 2) times[n]?.[1].push(performance.now() - startedAt)
    }
  const deletedAt = performance.now()
  await api(running.url, 'DELETE', `/api/jobs/${big}`)
  const deleteMs = performance.now() - deletedAt
  await running.stop()
  await nas.stop()
  const steps = await endOfHistory(database)
  await database.drop()
  return report(times, { ...seeded, deleteMs, steps, size })
}

async function api(url: string, method: string, path: string) {
  const answer = await fetch(url + path, { method, headers: { authorization: `Bearer ${apiKey}` } })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
}

type Steps = { name: string; rows: number; ms: number[] }[]

/** Adds up the tail; then takes old runs of a thousand jobs, and rows of the deleted job. */
async function endOfHistory({ url, sql }: Database): Promise<Steps> {
  const database = createDatabase({ url, deadlineMs: 60_000 })
  const keptOf = (policy: Record<string, unknown>) => policyFrom(policy).retention
  const lives = { auditDays: 365, historyDays: 400, idempotencyDays: 30 }
  // the clock is a day ahead, so that every job is due for its daily look
  const clock = () => new Date(Date.now() + 90_000_000)
  const steps = await loadHistory({ database, clock, keptOf, lives })
  await sql`update jobs set policy = '{"retention":{"historyRuns":50}}' where id <= ${jobId(1_000)}`
  await sql`update job_history set next_at = now() - interval '1 day' where job_id <= ${jobId(1_000)}`
  const count = async () => Number((await sql`select count(*) as n from runs`)[0]?.['n'])
  const taken: Steps = []
  for (const [name, step, most] of [
    ['add up 5,000 runs', steps.fold, 10],
    ['prune a job', steps.prune, 1_000],
    ['take rows of the deleted job', steps.purge, 400],
  ] as const) {
    const before = await count()
    const ms: number[] = []
    while (ms.length < most) {
      const startedAt = performance.now()
      const isMore = await step()
      ms.push(performance.now() - startedAt)
      if (!isMore) break
    }
    taken.push({ name, rows: before - (await count()), ms })
  }
  await database.close()
  return taken
}

type Measured = { rowsMs: number; indexesMs: number; deleteMs: number; steps: Steps; size: Size }

function report(times: [question: string, ms: number[]][], measured: Measured): string {
  const { size } = measured
  const rows = times.map(([question, ms]) => {
    const p99 = percentile(ms, 0.99)
    return [question, show(median(ms)), `${show(p99)} (${reach(p99, { most: mostMs })})`]
  })
  const steps = measured.steps.map(({ name, rows: removed, ms }) => {
    const totalMs = ms.reduce((sum, one) => sum + one, 0)
    const speed = removed > 0 ? show((removed / totalMs) * 1000) : '–'
    return [name, show(ms.length), show(median(ms)), show(percentile(ms, 1)), show(removed), speed]
  })
  return [
    `**History.** ${size.runs.toLocaleString('en-US')} runs of ${size.jobs.toLocaleString('en-US')} jobs, ${size.big.toLocaleString('en-US')} of them of one job; all but the newest ${size.tail.toLocaleString('en-US')} are added up. One service; each question ${rounds} times, all in turn, one at a time. The rows were made in ${show(measured.rowsMs / 1000)} s, their indexes in ${show(measured.indexesMs / 1000)} s.`,
    '',
    table(['question', 'median, ms', 'p99, ms'], rows),
    '',
    `The job with ${size.big.toLocaleString('en-US')} runs is deleted in ${show(measured.deleteMs)} ms (${reach(measured.deleteMs, { most: mostMs })}). How history ends, one step at a time, each a transaction:`,
    '',
    table(['step', 'steps', 'median, ms', 'longest, ms', 'rows of runs removed', 'a second'], steps),
  ].join('\n')
}
