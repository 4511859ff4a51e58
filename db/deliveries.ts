import type { DeliveryTarget, PendingDelivery, RunState } from '../src/decisions/index.ts'
import type { Sql } from './look.ts'
import { date, maybeDate, type Row } from './columns.ts'
import type { PageWish } from './pages.ts'
import { nameOfTarget, readDelivery } from './rows.ts'

/** The content of a delivery: the run as it ended, and its job's name. */
export type ToldRun = {
  job: { id: string; name: string }
  id: string
  slot: Date | null
  state: RunState
  attempt: number
  trigger: string
  startedAt: Date | null
  finishedAt: Date | null
  input: unknown
  output: string | null
  error: { code: string; message: string } | null
}

/** A delivery for people: its receiver, and its tries so far. */
export type ShownDelivery = PendingDelivery & {
  state: 'pending' | 'delivered' | 'failed'
  error: { code: string; message: string } | null
  jobId: string
  createdAt: Date
  finishedAt: Date | null
}

/** Everything that one try sends, and its receiver in full. Null: the run is gone, with its job. */
export async function toldBy(
  sql: Sql,
  deliveryId: string,
): Promise<{ run: ToldRun; target: DeliveryTarget; project: string } | null> {
  const [row]: Row[] = await sql`
    select r.id, r.job_id, j.name, j.project, r.slot, r.state, r.attempt, r.trigger, r.started_at, r.finished_at, r.input, r.output,
      r.error_code, r.error_message, d.target
    from deliveries d join runs r on r.id = d.run_id join jobs j on j.id = r.job_id
    where d.id = ${deliveryId}`
  if (!row) return null
  return { run: runOf(row), target: row['target'] as DeliveryTarget, project: row['project'] as string }
}

function runOf(row: Row): ToldRun {
  return {
    job: { id: row['job_id'] as string, name: row['name'] as string },
    id: row['id'] as string,
    slot: maybeDate(row['slot']),
    state: row['state'] as RunState,
    attempt: row['attempt'] as number,
    trigger: row['trigger'] as string,
    startedAt: maybeDate(row['started_at']),
    finishedAt: maybeDate(row['finished_at']),
    input: row['input'] ?? null,
    output: row['output'] as string | null,
    error: errorOf(row),
  }
}

/** All deliveries of a run, in the order of its job's list. */
export async function deliveriesOf(sql: Sql, runId: string): Promise<ShownDelivery[]> {
  const rows: Row[] = await sql`
    select ${shownColumns(sql)} from deliveries d join jobs j on j.id = d.job_id
    where d.run_id = ${runId} order by d.seq`
  return rows.map(readShown)
}

function shownColumns(sql: Sql) {
  return sql`
    d.id, d.seq, d.run_id, d.job_id, d.event, d.state, d.attempt, d.due_at, d.owner, d.lease_until, d.error_code,
    d.error_message, d.created_at, d.finished_at, ${sql.unsafe(nameOfTarget)} as target`
}

export type DeliveryState = ShownDelivery['state']

export type ListedDelivery = ShownDelivery & { jobName: string; project: string; seq: number }

/** Newest first. Those that have failed are few, and indexed. */
export async function listDeliveries(
  sql: Sql,
  { project, state, after, limit }: { project: string | null; state: DeliveryState | null } & PageWish,
): Promise<ListedDelivery[]> {
  // written out: a parameter would hide from the planner that the index of failed ones fits
  const inState = {
    failed: sql`d.state = 'failed'`,
    pending: sql`d.state = 'pending'`,
    delivered: sql`d.state = 'delivered'`,
  }
  const rows: Row[] = await sql`
    select ${shownColumns(sql)}, j.name as job_name, j.project from deliveries d join jobs j on j.id = d.job_id
    where ${project === null ? sql`true` : sql`j.project = ${project}`} and ${state === null ? sql`true` : inState[state]} and ${after === null ? sql`true` : sql`d.seq < ${after}`}
    order by d.seq desc limit ${limit}`
  return rows.map((row) => ({
    ...readShown(row),
    jobName: row['job_name'] as string,
    project: row['project'] as string,
    seq: Number(row['seq']),
  }))
}

function readShown(row: Row): ShownDelivery {
  return {
    ...readDelivery(row),
    target: row['target'] as DeliveryTarget,
    state: row['state'] as ShownDelivery['state'],
    error: errorOf(row),
    jobId: row['job_id'] as string,
    createdAt: date(row['created_at']),
    finishedAt: maybeDate(row['finished_at']),
  }
}

/** The newest successful output of a job, for a job of the same project; null: there is none. */
export async function lastOutput(
  sql: Sql,
  jobId: string,
  readerId: string,
): Promise<{ runId: string; output: string; finishedAt: Date } | null> {
  const [row]: Row[] = await sql`
    select id, output, finished_at from runs
    -- the planner does not see which job it is (unseen of run-lists.ts)
    where job_id = (select ${jobId}::text) and state = 'succeeded' and output is not null
      and (select project from jobs where id = ${jobId}) = (select project from jobs where id = ${readerId})
    order by seq desc limit 1`
  if (!row) return null
  return { runId: row['id'] as string, output: row['output'] as string, finishedAt: date(row['finished_at']) }
}

function errorOf(row: Row): { code: string; message: string } | null {
  if (row['error_code'] === null) return null
  return { code: row['error_code'] as string, message: (row['error_message'] as string | null) ?? '' }
}
