import { and, arrayContains, count, desc, eq, gt, ilike, inArray, lt, or, type SQL, sql } from 'drizzle-orm'
import type { AnyPgColumn } from 'drizzle-orm/pg-core'
import type { PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import type { JobState, Registry, Runtime, RunState } from '../src/decisions/index.ts'
import type { Database } from './client.ts'
import { type JobOrder, type OrderedAt, selectOrdered } from './job-order.ts'
import { mapPage, type Page, type PageWish, readPage, readPageOf } from './pages.ts'
import { type Authored, authoredOf } from './rows.ts'
import { isRareTag, type ListedRun, listedRun, type RunFilter, selectRuns, unseen } from './run-lists.ts'
import { arms, channels, jobRuntime, jobs, runs } from './schema.ts'
import { tellsNobodyIn } from './tells-nobody.ts'

/** The newest run of a job, in flight or not. */
export type LatestRun = {
  id: string
  state: RunState
  startedAt: Date | null
  finishedAt: Date | null
  errorCode: string | null
  errorMessage: string | null
}
/** The fields of a job that are shown but decide nothing. `deliveryError`: why its last outcome did not reach a receiver. */
export type Surroundings = { latestRun: LatestRun | null; deliveryError: string | null }
export type ListedJob = Surroundings & { authored: Authored; runtime: Runtime; registry: Registry }
export type ListedChannel = {
  project: string
  name: string
  type: string
  defaultOn: string[] | null
  isOff: boolean
}
export type ArmRow = Pick<typeof arms.$inferSelect, keyof typeof armColumns>

/** `armedAt`: the last instant that NAS confirmed. `since`: since when that has differed from the wanted one. */
export type UnarmedJob = {
  jobId: string
  wakeAt: Date | null
  armedAt: Date | null
  since: Date
  error: string | null
}

/**
 * `isFailing`: only those whose last run failed. `isUnarmed`: only those whose wake time NAS has not confirmed. `tellsNobody`: only
 * those whose failures no one is told of, with these channels.
 */
export type JobFilter = {
  /** Null: of all projects. */
  project: string | null
  states: JobState[]
  tag: string | null
  text: string | null
  isFailing?: boolean
  isUnarmed?: boolean
  tellsNobody?: readonly ListedChannel[] | null
}
/** What people read, in drizzle. Loaded on first use, because drizzle costs more than the rest of a boot. */
export type Lists = {
  /**
   * Jobs in any of `states`, newest first by the order in which they were made. Rows that are added meanwhile are
   * newer than every page to come, so following pages neither skip nor repeat a row.
   */
  jobs(filter: JobFilter, page: PageWish): Promise<Page<ListedJob>>
  /** The same in another order. A row that moves meanwhile may be there twice, or not. */
  orderedJobs(
    filter: JobFilter,
    order: JobOrder,
    page: PageWish<OrderedAt>,
  ): Promise<Page<ListedJob, OrderedAt>>
  /** How many jobs the other states of the filter would show. */
  countJobs(filter: JobFilter): Promise<number>
  surroundings(jobId: string): Promise<Surroundings>
  channels(): Promise<ListedChannel[]>
  runs(filter: RunFilter, page: PageWish<string>): Promise<Page<ListedRun, string>>
  /** One run with its whole output; null: there is none. */
  run(id: string): Promise<ListedRun | null>
  /** The newest arms of a job first: the requests to the timer service, and its answers. */
  arms(jobId: string): Promise<ArmRow[]>
  /** Jobs whose wake time NAS has not confirmed, those that wait longest first. */
  unarmed(limit: number): Promise<UnarmedJob[]>
}

const armsShown = 20

export function createLists(database: Database): Lists {
  const read = <T>(name: string, work: Parameters<typeof database.drizzle<T>>[0]) =>
    database.drizzle(work, { idempotent: true, name })

  return {
    async jobs(filter, wish) {
      const page = await readPage(
        wish,
        ({ after, limit }) =>
          read('listing jobs', (orm) =>
            selectJobs(orm)
              .where(and(...jobConditions(filter), after === null ? undefined : lt(jobs.seq, after)))
              .orderBy(desc(jobs.seq))
              .limit(limit),
          ),
        ({ job }) => job.seq,
      )
      return mapPage(page, listedJob)
    },

    async orderedJobs(filter, order, { after, limit }) {
      const keys = await read('ordering jobs', (orm) =>
        selectOrdered(orm, jobConditions(filter), { order, after, limit: limit + 1 }),
      )
      const page = await readPageOf(keys, limit, async (ids) => {
        const rows = await read('listing jobs', (orm) => selectJobs(orm).where(inArray(jobs.id, ids)))
        return new Map(rows.map((row) => [row.job.id, row]))
      })
      return {
        items: page.items.map(listedJob),
        next: page.next && { key: page.next.key, seq: page.next.seq },
      }
    },

    countJobs: (filter) =>
      read('counting jobs', async (orm) => {
        const states = orm.select({ n: count() }).from(jobRuntime)
        const { project, tag, text, tellsNobody = null } = filter
        const needsJobs = [project, tag, text, tellsNobody].some((wish) => wish !== null)
        const joined = needsJobs ? states.innerJoin(jobs, eq(jobs.id, jobRuntime.jobId)) : states
        const [row] = await joined.where(and(...jobConditions(filter)))
        return row?.n ?? 0
      }),

    surroundings: (jobId) =>
      read('reading the newest run', async (orm) => {
        const [row] = await orm
          .select({ ...latestColumns, deliveryError: deliveryErrorOf(jobId) })
          .from(runs)
          .where(sql`${runs.jobId} = ${unseen(jobId)}`)
          .orderBy(desc(runs.seq), desc(runs.id))
          .limit(1)
        if (!row) return { latestRun: null, deliveryError: null }
        const { deliveryError, ...latestRun } = row
        return { latestRun, deliveryError }
      }),

    channels: () =>
      read('listing channels', (orm) =>
        orm
          .select({
            project: channels.project,
            name: sql<string>`substring(${channels.name} from '[^/]*$')`,
            type: channels.type,
            defaultOn: channels.defaultOn,
            isOff: sql<boolean>`${channels.disabledAt} is not null`,
          })
          .from(channels)
          .orderBy(channels.name),
      ),

    async runs(filter, wish) {
      const { tag } = filter
      const isRare = tag !== null && (await read('counting jobs of a tag', (orm) => isRareTag(orm, tag)))
      return readPage(
        wish,
        (piece) => read('listing runs', (orm) => selectRuns(orm, { ...filter, isRareTag: isRare }, piece)),
        ({ seq, id }) => `${seq}.${id}`,
      )
    },

    run: (id) =>
      read('reading the run', async (orm) => {
        const [row] = await orm
          .select({ ...listedRun, jobName: jobs.name, project: jobs.project })
          .from(runs)
          .innerJoin(jobs, eq(jobs.id, runs.jobId))
          .where(eq(runs.id, id))
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

/** Jobs with what is shown of them. */
function selectJobs(orm: PostgresJsDatabase) {
  const latest = orm
    .select(latestColumns)
    .from(runs)
    .where(eq(runs.jobId, jobs.id))
    .orderBy(desc(runs.seq), desc(runs.id))
    .limit(1)
    .as('latest')
  return orm
    .select({
      job: jobs,
      runtime: jobRuntime,
      latestId: latest.id,
      latestState: latest.state,
      latestStartedAt: latest.startedAt,
      latestFinishedAt: latest.finishedAt,
      latestErrorCode: latest.errorCode,
      latestErrorMessage: latest.errorMessage,
      deliveryError: deliveryErrorOf(jobs.id),
    })
    .from(jobs)
    .innerJoin(jobRuntime, eq(jobRuntime.jobId, jobs.id))
    .leftJoinLateral(latest, sql`true`)
    .$dynamic()
}

type JobRow = Awaited<ReturnType<typeof selectJobs>>[number]

function listedJob({ job, runtime, deliveryError, ...newest }: JobRow): ListedJob {
  const shown = { authored: authoredOf(job), runtime, registry: runtime }
  return { ...shown, latestRun: latestOf(newest), deliveryError }
}

const latestColumns = {
  id: runs.id,
  state: runs.state,
  startedAt: runs.startedAt,
  finishedAt: runs.finishedAt,
  errorCode: runs.errorCode,
  errorMessage: runs.errorMessage,
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

/** A left join's columns are all there, or all null. */
function latestOf(row: {
  latestId: string | null
  latestState: RunState | null
  latestStartedAt: Date | null
  latestFinishedAt: Date | null
  latestErrorCode: string | null
  latestErrorMessage: string | null
}): LatestRun | null {
  if (row.latestId === null || row.latestState === null) return null
  const { latestStartedAt: startedAt, latestFinishedAt: finishedAt } = row
  const { latestErrorCode: errorCode, latestErrorMessage: errorMessage } = row
  return { id: row.latestId, state: row.latestState, startedAt, finishedAt, errorCode, errorMessage }
}

/** Of the deliveries of the job's last outcome, the first that has not arrived and has been tried. */
function deliveryErrorOf(jobId: AnyPgColumn | string): SQL<string | null> {
  const job = typeof jobId === 'string' ? unseen(jobId) : jobId
  return sql<string | null>`(
    select d.error_message from deliveries d
    where d.run_id = (
        select r.id from runs r where r.job_id = ${job} and r.finished_at is not null order by r.seq desc, r.id desc limit 1)
      and d.state <> 'delivered' and d.error_message is not null
    order by d.seq limit 1)`
}

function jobConditions(filter: JobFilter): (SQL | undefined)[] {
  const { project, states, tag, text, isFailing, isUnarmed, tellsNobody } = filter
  return [
    // written out: a parameter would hide from the planner that the index of jobs which rest fits
    sql`${jobRuntime.state} in (${sql.raw(states.map((state) => `'${state}'`).join(', '))})`,
    project === null ? undefined : eq(jobs.project, project),
    tag === null ? undefined : arrayContains(jobs.tags, [tag]),
    text === null ? undefined : or(ilike(jobs.name, containing(text)), ilike(jobs.prompt, containing(text))),
    isFailing ? gt(jobRuntime.failureStreak, 0) : undefined,
    isUnarmed ? lt(jobRuntime.armedGen, jobRuntime.wakeGen) : undefined,
    tellsNobody ? tellsNobodyIn(tellsNobody) : undefined,
  ]
}

function containing(text: string): string {
  return `%${text.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`
}
