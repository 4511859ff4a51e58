import { and, arrayContains, desc, eq, ilike, inArray, lt, or, type SQL, sql } from 'drizzle-orm'
import type { JobState, Registry, Runtime, RunState } from '../src/decisions/index.ts'
import type { Database } from './client.ts'
import type { Authored } from './rows.ts'
import { arms, jobRuntime, jobs, runs } from './schema.ts'

/** The newest run of a job, in flight or not. */
export type LatestRun = { id: string; state: RunState; startedAt: Date | null; finishedAt: Date | null }
export type ListedJob = {
  authored: Authored
  runtime: Runtime
  registry: Registry
  latestRun: LatestRun | null
}
/** A run's row, as people see it. In lists `output` may be cut to its first `listedOutputChars`. */
export type ListedRun = Pick<typeof runs.$inferSelect, keyof typeof runColumns> & {
  isOutputCut: boolean
}
export type ArmRow = Pick<typeof arms.$inferSelect, keyof typeof armColumns>

/** `armedAt`: what NAS was last confirmed to hold. `since`: from when on that is not what is wanted. */
export type UnarmedJob = {
  jobId: string
  wakeAt: Date | null
  armedAt: Date | null
  since: Date
  error: string | null
}

/** A page of a list, newest first; `nextBefore` is null on the last one. */
export type Page<T> = { items: T[]; nextBefore: number | null }
/** `before` (exclusive) is the `nextBefore` of the page ahead; null: from the newest. */
type PageWish = { before: number | null; limit: number }

export type JobFilter = { states: JobState[]; tag: string | null; text: string | null }
export type RunFilter = { jobId: string | null; state: RunState | null }

/** What people read, in drizzle. Loaded on first use, because drizzle costs more than the rest of a boot. */
export type Lists = {
  /**
   * Jobs in any of `states`, newest first by the order in which they were made. Rows that are added meanwhile are
   * newer than every page to come, so following pages neither skip nor repeat a row.
   */
  jobs(filter: JobFilter, page: PageWish): Promise<Page<ListedJob>>
  latestRun(jobId: string): Promise<LatestRun | null>
  runs(filter: RunFilter, page: PageWish): Promise<Page<ListedRun>>
  /** One run with its whole output; null: there is none. */
  run(id: string): Promise<ListedRun | null>
  /** The newest arms of a job first: what was asked of the timer service, and what it said. */
  arms(jobId: string): Promise<ArmRow[]>
  /** Jobs whose wake time NAS has not confirmed, those that wait longest first. */
  unarmed(limit: number): Promise<UnarmedJob[]>
}

/** A list of a thousand runs stays at a few MB. */
const listedOutputChars = 4096
const armsShown = 20

export function createLists(database: Database): Lists {
  const read = <T>(name: string, work: Parameters<typeof database.drizzle<T>>[0]) =>
    database.drizzle(work, { idempotent: true, name })

  return {
    jobs: (filter, page) =>
      read('listing jobs', async (orm) => {
        const latest = orm
          .select(latestColumns)
          .from(runs)
          .where(eq(runs.jobId, jobs.id))
          .orderBy(desc(runs.seq))
          .limit(1)
          .as('latest')
        const rows = await orm
          .select({
            job: jobs,
            runtime: jobRuntime,
            latestId: latest.id,
            latestState: latest.state,
            latestStartedAt: latest.startedAt,
            latestFinishedAt: latest.finishedAt,
          })
          .from(jobs)
          .innerJoin(jobRuntime, eq(jobRuntime.jobId, jobs.id))
          .leftJoinLateral(latest, sql`true`)
          .where(and(...jobConditions(filter), page.before === null ? undefined : lt(jobs.seq, page.before)))
          .orderBy(desc(jobs.seq))
          .limit(page.limit + 1)
        return pageOf(
          rows,
          page.limit,
          ({ job }) => job.seq,
          ({ job, runtime, ...newest }) => ({
            authored: { ...job, after: afterOf(job) },
            runtime,
            registry: runtime,
            latestRun: latestOf(newest),
          }),
        )
      }),

    latestRun: (jobId) =>
      read('reading the newest run', async (orm) => {
        const [row] = await orm
          .select(latestColumns)
          .from(runs)
          .where(eq(runs.jobId, jobId))
          .orderBy(desc(runs.seq))
          .limit(1)
        return row ?? null
      }),

    runs: (filter, page) =>
      read('listing runs', async (orm) => {
        const output = sql<string | null>`left(${runs.output}, ${listedOutputChars})`
        const isOutputCut = sql<boolean>`coalesce(length(${runs.output}) > ${listedOutputChars}, false)`
        const rows = await orm
          .select({ ...runColumns, output, isOutputCut, seq: runs.seq })
          .from(runs)
          .where(and(...runConditions(filter), page.before === null ? undefined : lt(runs.seq, page.before)))
          .orderBy(desc(runs.seq))
          .limit(page.limit + 1)
        return pageOf(
          rows,
          page.limit,
          ({ seq }) => seq,
          (run) => run,
        )
      }),

    run: (id) =>
      read('reading the run', async (orm) => {
        const [row] = await orm.select(runColumns).from(runs).where(eq(runs.id, id))
        return row ? { ...row, isOutputCut: false } : null
      }),

    arms: (jobId) =>
      read('reading the arms', (orm) => {
        return orm
          .select(armColumns)
          .from(arms)
          .where(eq(arms.jobId, jobId))
          .orderBy(desc(arms.id))
          .limit(armsShown)
      }),

    unarmed: (limit) =>
      read('listing jobs that are not armed', async (orm) => {
        const rows = await orm
          .select({
            jobId: jobRuntime.jobId,
            wakeAt: jobRuntime.wakeAt,
            armedAt: jobRuntime.armedAt,
            changedAt: jobRuntime.wakeChangedAt,
            failedAt: jobRuntime.armFailedAt,
            error: jobRuntime.armError,
          })
          .from(jobRuntime)
          .where(lt(jobRuntime.armedGen, jobRuntime.wakeGen))
          .orderBy(sql`least(${jobRuntime.wakeChangedAt}, ${jobRuntime.armFailedAt})`, jobRuntime.jobId)
          .limit(limit)
        return rows.map(({ changedAt, failedAt, ...job }) => ({
          ...job,
          since: failedAt && failedAt < changedAt ? failedAt : changedAt,
        }))
      }),
  }
}

const latestColumns = {
  id: runs.id,
  state: runs.state,
  startedAt: runs.startedAt,
  finishedAt: runs.finishedAt,
}
const runColumns = {
  id: runs.id,
  jobId: runs.jobId,
  slot: runs.slot,
  trigger: runs.trigger,
  state: runs.state,
  reason: runs.reason,
  attempt: runs.attempt,
  attempts: runs.attempts,
  claimedAt: runs.claimedAt,
  startedAt: runs.startedAt,
  finishedAt: runs.finishedAt,
  input: runs.input,
  errorCode: runs.errorCode,
  errorMessage: runs.errorMessage,
  output: runs.output,
  usage: runs.usage,
  callbackUntil: runs.callbackUntil,
}
const armColumns = {
  gen: arms.gen,
  fireAt: arms.fireAt,
  askedAt: arms.askedAt,
  tookMs: arms.tookMs,
  outcome: arms.outcome,
  scheduleId: arms.scheduleId,
  errorCode: arms.errorCode,
  error: arms.error,
}

function afterOf({ afterJob, afterOn }: typeof jobs.$inferSelect): Authored['after'] {
  return afterJob === null ? null : { job: afterJob, on: afterOn ?? [] }
}

/** A left join's columns are all there, or all null. */
function latestOf(row: {
  latestId: string | null
  latestState: RunState | null
  latestStartedAt: Date | null
  latestFinishedAt: Date | null
}): LatestRun | null {
  if (row.latestId === null || row.latestState === null) return null
  const { latestStartedAt: startedAt, latestFinishedAt: finishedAt } = row
  return { id: row.latestId, state: row.latestState, startedAt, finishedAt }
}

function jobConditions({ states, tag, text }: JobFilter): (SQL | undefined)[] {
  return [
    inArray(jobRuntime.state, states),
    tag === null ? undefined : arrayContains(jobs.tags, [tag]),
    text === null ? undefined : or(ilike(jobs.name, containing(text)), ilike(jobs.prompt, containing(text))),
  ]
}

function runConditions({ jobId, state }: RunFilter): (SQL | undefined)[] {
  return [
    jobId === null ? undefined : eq(runs.jobId, jobId),
    state === null ? undefined : eq(runs.state, state),
  ]
}

function containing(text: string): string {
  return `%${text.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`
}

function pageOf<Row, T>(
  rows: Row[],
  limit: number,
  seq: (row: Row) => number,
  map: (row: Row) => T,
): Page<T> {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  return { items: shown.map(map), nextBefore: rows.length > limit && last ? seq(last) : null }
}
