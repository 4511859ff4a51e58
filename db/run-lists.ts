import { and, arrayContains, desc, eq, gte, inArray, lt, type SQL, sql } from 'drizzle-orm'
import { having, pick, type RowOf, runColumns } from '../src/columns/index.ts'
import type { RunState } from '../src/decisions/index.ts'
import type { Database } from './client.ts'
import type { PageWish } from './pages.ts'
import { inTrouble, isInTrouble, jobs, runs } from './schema.ts'

export const listedRunColumns = {
  ...having(runColumns, 'shown'),
  errorCode: runColumns.errorCode,
  errorMessage: runColumns.errorMessage,
}

/** A run's row, as people see it. In lists `output` may be cut to its first `listedOutputChars`. */
export type ListedRun = RowOf<typeof listedRunColumns> & {
  jobName: string
  isOutputCut: boolean
}
/** `states` empty: any. `tag`: of the job. `since` (inclusive) and `until` (exclusive): when a run was claimed. */
export type RunFilter = {
  jobId: string | null
  states: RunState[]
  tag: string | null
  since: Date | null
  until: Date | null
}

/** A list of a thousand runs stays at a few MB. */
const listedOutputChars = 4096
type Orm = Parameters<Parameters<Database['drizzle']>[0]>[0]

/** Long outputs are cut. */
export function selectRuns(orm: Orm, filter: RunFilter, page: PageWish<string>) {
  const output = sql<string | null>`left(${runs.output}, ${listedOutputChars})`
  const isOutputCut = sql<boolean>`coalesce(length(${runs.output}) > ${listedOutputChars}, false)`
  // by the index of seq the planner would walk through every run before the span, if few in it match
  const newestFirst = filter.since ? desc(sql`${runs.seq} + 0`) : desc(runs.seq)
  const [seq, id] = page.after?.split('.') ?? []
  return orm
    .select({ ...pick(listedRunColumns, runs), output, isOutputCut, jobName: jobs.name, seq: runs.seq })
    .from(runs)
    .innerJoin(jobs, eq(jobs.id, runs.jobId))
    .where(
      and(
        ...runConditions(filter),
        page.after === null ? undefined : sql`(${runs.seq}, ${runs.id}) < (${seq}::bigint, ${id}::uuid)`,
      ),
    )
    .orderBy(newestFirst, desc(runs.id))
    .limit(page.limit)
}

function runConditions({ jobId, states, tag, since, until }: RunFilter): (SQL | undefined)[] {
  return [
    jobId === null ? undefined : eq(runs.jobId, jobId),
    states.length === 0 ? undefined : inArray(runs.state, states),
    // said as the index says it, so that it is used whatever the driver does with parameters
    states.length > 0 && states.every((one) => inTrouble.includes(one)) ? isInTrouble : undefined,
    tag === null ? undefined : arrayContains(jobs.tags, [tag]),
    since === null ? undefined : gte(runs.claimedAt, since),
    until === null ? undefined : lt(runs.claimedAt, until),
  ]
}
