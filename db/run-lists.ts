import { and, desc, eq, type SQL, sql } from 'drizzle-orm'
import { having, pick, type RowOf, runColumns } from '../src/columns/index.ts'
import type { RunState } from '../src/decisions/index.ts'
import { attemptsOf } from './attempts.ts'
import type { Database } from './client.ts'
import type { PageWish } from './pages.ts'
import { jobs, runs } from './schema.ts'

const listedRunColumns = {
  ...having(runColumns, 'shown'),
  errorCode: runColumns.errorCode,
  errorMessage: runColumns.errorMessage,
}

/** What a list selects of `runs`. */
export const listedRun = {
  ...pick(listedRunColumns, runs),
  attempts: sql<RowOf<typeof listedRunColumns>['attempts']>`${sql.raw(attemptsOf('runs'))}`,
}

/** A run's row, as people see it. In lists `output` may be cut to its first `listedOutputChars`. */
export type ListedRun = RowOf<typeof listedRunColumns> & {
  jobName: string
  project: string
  isOutputCut: boolean
}
/** `project` null: of all. `states` empty: any. `tag`: of the job. `since` (inclusive) and `until` (exclusive): when a run was claimed. */
export type RunFilter = {
  project: string | null
  jobId: string | null
  states: RunState[]
  tag: string | null
  since: Date | null
  until: Date | null
}

/** A list of a thousand runs stays at a few MB. */
const listedOutputChars = 4096
/** Of more jobs with a tag the runs are not looked up job by job: then they are a good part of all runs. */
const taggedJobsMost = 1_000
/** `seq` is the time of the row's insertion: not before the claim, and at most the wait for a lock after it. */
const seqBehindMicros = 60_000_000
type Orm = Parameters<Parameters<Database['drizzle']>[0]>[0]

/** Whether so few jobs have the tag that their runs are found by job. */
export async function isRareTag(orm: Orm, tag: string): Promise<boolean> {
  const rows = await orm.execute(sql`
    select from (select from jobs where tags @> array[${tag}]::text[] limit ${taggedJobsMost + 1}) tagged
    having count(*) <= ${taggedJobsMost}`)
  return rows.length > 0
}

/**
 * Long outputs are cut. The ids are found first, in a list of each state that is wanted: such a list is a piece of one index
 * in its order, however rare the state is, and a span of time is a range of it.
 */
export function selectRuns(orm: Orm, filter: RunFilter & { isRareTag: boolean }, page: PageWish<string>) {
  const output = sql<string | null>`left(${runs.output}, ${listedOutputChars})`
  const isOutputCut = sql<boolean>`coalesce(length(${runs.output}) > ${listedOutputChars}, false)`
  const states = filter.states.length > 0 ? filter.states : [null]
  const found = sql.join(
    states.map((state) => sql`(${idsOf(filter, state, page)})`),
    sql` union all `,
  )
  return orm
    .select({
      ...listedRun,
      output,
      isOutputCut,
      jobName: jobs.name,
      project: jobs.project,
      seq: runs.seq,
    })
    .from(runs)
    .innerJoin(jobs, eq(jobs.id, runs.jobId))
    .where(
      sql`${runs.id} = any(array(select id from (${found}) found order by seq desc, id desc limit ${page.limit}))`,
    )
    .orderBy(desc(runs.seq), desc(runs.id))
}

/**
 * The id of a job whose newest runs are wanted, so that the planner does not see which one it is: of a job that has a good part of
 * all runs it would read the runs of all jobs from the newest on, and those of this one may be far behind.
 */
export const unseen = (jobId: string) => sql`(select ${jobId}::text)`

/** The newest runs of one state (null: of any), as `seq` and `id`. */
function idsOf(
  filter: RunFilter & { isRareTag: boolean },
  state: RunState | null,
  page: PageWish<string>,
): SQL {
  const { project, jobId, tag } = filter
  const newest = sql`order by r.seq desc, r.id desc limit ${page.limit}`
  const conditions = runConditions(filter, state, page)
  const ofProject = project === null ? sql`true` : sql`j.project = ${project}`
  if (tag !== null && jobId === null && filter.isRareTag)
    return sql`select r.seq, r.id from jobs j cross join lateral (
        select r.seq, r.id from runs r where ${and(sql`r.job_id = j.id`, ...conditions)} ${newest}) r
      where ${ofProject} and j.tags @> array[${tag}]::text[] ${newest}`
  const ofJobs = [
    jobId === null ? undefined : sql`r.job_id = ${unseen(jobId)}`,
    tag === null ? undefined : sql`j.tags @> array[${tag}]::text[]`,
  ]
  return sql`select r.seq, r.id from runs r join jobs j on j.id = r.job_id
    where ${and(ofProject, ...ofJobs, ...conditions)} ${newest}`
}

/** The state is written out: a parameter would hide from the planner that a partial index fits. */
function runConditions(
  { since, until }: RunFilter,
  state: RunState | null,
  { after }: PageWish<string>,
): (SQL | undefined)[] {
  const [seq, id] = after?.split('.') ?? []
  return [
    state === null ? undefined : sql`r.state = ${sql.raw(`'${state}'`)}`,
    since === null
      ? undefined
      : sql`r.claimed_at >= ${since.toISOString()}::timestamptz and r.seq >= ${since.getTime() * 1000}::bigint`,
    until === null
      ? undefined
      : sql`r.claimed_at < ${until.toISOString()}::timestamptz
          and r.seq < ${until.getTime() * 1000 + seqBehindMicros}::bigint`,
    after === null ? undefined : sql`(r.seq, r.id) < (${seq}::bigint, ${id}::uuid)`,
  ]
}
