import type postgres from 'postgres'
import { liveRunColumns, runtimeColumns } from '../src/columns/index.ts'
import { date, membersOf, type Row, selectionOf } from './columns.ts'
import { minuteOf } from './quotas.ts'
import { jobParameter, movesMax } from './wanted.ts'
import { authoredColumns, type Look, lookedRegistryColumns, nameOfTarget, readLook } from './rows.ts'

export type Sql = postgres.Sql | postgres.TransactionSql

/**
 * Everything that decides about each of these jobs, and Postgres' clock, in one statement and so in one snapshot; a job
 * that is gone is missing. Whatever changes any of it adds 1 to `rev`, so a write that shows this `rev` acts on this
 * snapshot.
 *
 * `now` (a test's clock) stands in for Postgres' own.
 */
export async function lookAll(sql: Sql, jobIds: string[], now: Date | null): Promise<Map<string, Look>> {
  const [text, wanted] =
    jobIds.length === 1 ? [lookAtOne, jobIds[0] as string] : [lookAtSeveral, JSON.stringify(jobIds)]
  const rows: Row[] = await sql.unsafe(text, [now && now.toISOString(), wanted], { prepare: true })
  return new Map(rows.map((row) => [row['id'] as string, readLook(row)]))
}

// Texts that never change, with parameters that are texts: read and planned once for each connection.
/** The rows of `jobs` (`j`) and `job_runtime` (`r`) themselves. */
export const rowsOfJob = `${selectionOf(authoredColumns, 'j')},
    ${selectionOf({ ...runtimeColumns, ...lookedRegistryColumns }, 'r')}`

/** A stored name as people know it. */
const shortNameOf = (name: string) => `substring(${name} from '[^/]*$')`

/** Who is told of a job's outcomes. `job`: where the statement has the columns of the job. */
export const hearersOf = (job: string) => `
    coalesce((
      select jsonb_agg(jsonb_build_object('name', ${shortNameOf('c.name')}, 'type', c.type, 'defaultOn', c.default_on) order by c.name)
      from channels c where c.project = ${job}.project
        and (${job}.deliver is not null or c.default_on is not null or c.type = 'healthcheck')), '[]') as channels,
    coalesce((
      select jsonb_agg(jsonb_build_object('id', a.id, 'on', a.after_on) order by a.seq)
      from jobs a where a.after_job = ${job}.id), '[]') as dependents`

/**
 * The pause and the quotas of the job's project, and of all (`*`); null: nothing that a decision has to heed, which is usual.
 * A slot that an ended pause covers is to be heeded until it has its verdict.
 */
const projectOf = `(
      select jsonb_build_object('name', max(p.name), 'paused_at', min(p.paused_at), 'resumed_at', max(p.resumed_at), 'places', min(p.places),
        'runs_left', min(p.runs_per_minute - case when p.minute = ${minuteOf('$1::text::timestamptz')} then p.minute_runs else 0 end))
      from projects p where p.name in (j.project, '*')
      having bool_or(p.is_special or p.resumed_at >= r.next_slot)) as project_state`

const columnsOf = (jobId: string) => `
    ${rowsOfJob},
    coalesce((
      select jsonb_agg(jsonb_build_object(${membersOf(liveRunColumns, 'l')}) order by l.seq, l.id)
      from runs l where l.job_id = ${jobId} and l.state in ('claimed', 'running', 'waiting')), '[]') as live,
    coalesce((
      select jsonb_agg(jsonb_build_object(
        'id', d.id, 'run_id', d.run_id, 'target', ${nameOfTarget}, 'event', d.event, 'attempt', d.attempt, 'due_at', d.due_at,
        'owner', d.owner, 'lease_until', d.lease_until) order by d.seq)
      from deliveries d where d.job_id = ${jobId} and d.state = 'pending'), '[]') as deliveries,
    ${hearersOf('j')},
    ${projectOf},
    coalesce($1::text::timestamptz, clock_timestamp()) as now`

const lookAtOne = `select ${columnsOf(jobParameter)} from jobs j join job_runtime r on r.job_id = j.id where j.id = ${jobParameter}`
const lookAtSeveral = `select ${columnsOf('j.id')}
    from (select value as id from jsonb_array_elements_text($2::text::jsonb) limit ${movesMax}) w
    join jobs j on j.id = w.id join job_runtime r on r.job_id = j.id`

/** Postgres' clock. */
export async function readClock(sql: Sql, now: Date | null): Promise<Date> {
  const [row] = await sql`select coalesce(${now}::timestamptz, clock_timestamp()) as now`
  return date(row?.['now'])
}
