import { troubleStates } from '../src/columns/index.ts'
import type { Sql } from './client.ts'
import { date, type Row } from './columns.ts'

/** Runs that failed for one cause. `cause`: their message with each number as #. `jobs`: those that failed most, 20 at most. */
export type Failure = {
  code: string
  cause: string
  count: number
  firstAt: Date
  lastAt: Date
  lastRunId: string
  /** Of that run. */
  lastMessage: string | null
  jobCount: number
  jobs: { jobId: string; project: string; name: string; count: number }[]
}

const ofEachMost = 1_000
const groupsMost = 100

/** The latest cause first. `since`: of the claim. `runs`: how many were grouped: the newest of each state. */
export async function readFailures(
  sql: Sql,
  { project, since, jobId }: { project: string | null; since: Date; jobId: string | null },
): Promise<{ failures: Failure[]; runs: number }> {
  const sinceMicros = since.getTime() * 1000
  // the state is written out: a parameter would hide from the planner that a partial index fits
  const ofState = (state: string) => sql`(
      select id, seq, job_id, finished_at, error_code, error_message from runs
      where state = ${sql.unsafe(`'${state}'`)} and seq >= ${sinceMicros}::bigint
        ${jobId === null ? sql`` : sql`and job_id = ${jobId}`}
        ${project === null ? sql`` : sql`and job_id in (select id from jobs where project = ${project})`}
      order by seq desc, id desc limit ${ofEachMost})`
  const [failed, timedOut, interrupted] = troubleStates.map(ofState)
  const rows: Row[] = await sql`
    with found as materialized (
      ${failed as never} union all ${timedOut as never} union all ${interrupted as never}),
    by_job as (
      select coalesce(error_code, 'UNKNOWN') as code, job_id, count(*)::int as n,
        regexp_replace(left(coalesce(error_message, ''), 300), '[0-9]+', '#', 'g') as cause,
        min(finished_at) as first_at, max(finished_at) as last_at, max(seq) as last_seq,
        (array_agg(id order by seq desc))[1] as last_run, (array_agg(error_message order by seq desc))[1] as last_message
      from found group by code, cause, job_id),
    causes as (
      select code, cause, sum(n)::int as n, min(first_at) as first_at, max(last_at) as last_at,
        max(last_seq) as last_seq, (array_agg(last_run order by last_seq desc))[1] as last_run,
        (array_agg(last_message order by last_seq desc))[1] as last_message, count(*)::int as job_count,
        jsonb_path_query_array(
          jsonb_agg(jsonb_build_object('job_id', job_id, 'n', n) order by n desc, job_id), '$[0 to 19]') as most
      from by_job group by code, cause order by last_seq desc limit ${groupsMost})
    select c.*, (select count(*)::int from found) as runs,
      (select jsonb_agg(jsonb_build_object('job_id', j.id, 'project', j.project, 'name', j.name, 'n', m.n) order by m.n desc, j.id)
        from jsonb_to_recordset(c.most) as m(job_id text, n int) join jobs j on j.id = m.job_id) as jobs
    from causes c order by last_seq desc`
  return { failures: rows.map(readFailure), runs: Number(rows[0]?.['runs'] ?? 0) }
}

function readFailure(row: Row): Failure {
  const jobs = (row['jobs'] ?? []) as { job_id: string; project: string; name: string; n: number }[]
  return {
    code: row['code'] as string,
    cause: row['cause'] as string,
    count: row['n'] as number,
    firstAt: date(row['first_at']),
    lastAt: date(row['last_at']),
    lastRunId: row['last_run'] as string,
    lastMessage: row['last_message'] as string | null,
    jobCount: row['job_count'] as number,
    jobs: jobs.map(({ job_id: jobId, n, ...job }) => ({ jobId, ...job, count: n })),
  }
}
