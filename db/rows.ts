import {
  jobColumns,
  liveRunColumns,
  having,
  registryColumns,
  type RowOf,
  runtimeColumns,
  type StoredSchedule,
} from '../src/columns/index.ts'
import type { JobRule, LiveRun, PendingDelivery, RegistryDetail, View } from '../src/decisions/index.ts'
import { policyFrom } from '../src/decisions/index.ts'
import type { Schedule } from '../src/schedule/index.ts'
import { date, maybeDate, readerOf, type Row, valuesOf } from './columns.ts'

const { seq: _, ...columns } = jobColumns
/** The columns of `jobs` that a look reads. */
export const authoredColumns = columns
export const lookedRegistryColumns = having(registryColumns, 'look')

/** The definition of a job: the row of `jobs`. Instants are Dates, zones IANA names. */
export type Authored = Omit<RowOf<typeof authoredColumns>, 'afterJob' | 'afterOn'> & {
  /** The job whose outcome starts this one, and which outcomes; null: none. */
  after: { job: string; on: string[] } | null
}

/** One snapshot of a job: its definition, its state, and everything that decides about it. */
export type Look = { authored: Authored; view: View; registry: RegistryDetail }

const readColumns = readerOf(authoredColumns)
const readRuntime = readerOf(runtimeColumns)
const readRegistry = readerOf(lookedRegistryColumns)
const readLive = readerOf(liveRunColumns)

export function readLook(row: Row): Look {
  const authored = readAuthored(row)
  const registry = readRegistry(row)
  const view = {
    job: ruleOf(authored),
    runtime: readRuntime(row),
    registry,
    live: (row['live'] as Row[]).map(readLive) as LiveRun[],
    deliveries: (row['deliveries'] as Row[]).map(readDelivery),
    channels: row['channels'] as View['channels'],
    dependents: row['dependents'] as View['dependents'],
    project: readProjectState(row['project_state'] as Row | null | undefined),
    now: date(row['now']),
  }
  return { authored, view, registry }
}

/** A claim that was decided beforehand is made only if there is none. */
function readProjectState(row: Row | null | undefined): View['project'] {
  if (!row) return null
  return {
    name: row['name'] as string,
    pausedAt: maybeDate(row['paused_at']),
    resumedAt: maybeDate(row['resumed_at']),
    runsLeft: row['runs_left'] as number | null,
    places: row['places'] as number | null,
  }
}

/** The rule by which decisions are made about an authored job. */
export function ruleOf(authored: Omit<Authored, 'createdAt' | 'updatedAt'>): JobRule {
  const { id, version, timezone, anchor, repeatTimes } = authored
  return {
    id,
    version,
    schedule: readSchedule(authored.schedule),
    zone: timezone,
    anchor,
    repeatTimes,
    policy: policyFrom(authored.policy),
    deliver: authored.deliver,
    after: authored.after,
  }
}

function readSchedule(stored: StoredSchedule): Schedule {
  const { display } = stored
  if (stored.kind === 'interval') {
    const { every_ms: everyMs, from } = stored
    return { kind: 'interval', everyMs, display, ...(from !== undefined && { from }) }
  }
  if (stored.kind === 'after') return { kind: 'after', display }
  if (stored.kind === 'once') return { kind: 'once', runAt: new Date(stored.run_at), display }
  return { kind: stored.kind, expr: stored.expr, display }
}

export function storeSchedule(schedule: Schedule, text: string): StoredSchedule {
  const { display } = schedule
  if (schedule.kind === 'interval') {
    const { everyMs: every_ms, from } = schedule
    return { kind: 'interval', text, display, every_ms, ...(from !== undefined && { from }) }
  }
  if (schedule.kind === 'after') return { kind: 'after', text, display }
  if (schedule.kind === 'once') return { kind: 'once', text, display, run_at: schedule.runAt.toISOString() }
  return { kind: schedule.kind, text, display, expr: schedule.expr }
}

export function readAuthored(row: Row): Authored {
  return authoredOf(readColumns(row))
}

export function authoredOf({ afterJob, afterOn, ...rest }: RowOf<typeof authoredColumns>): Authored {
  return { ...rest, after: afterJob === null ? null : { job: afterJob, on: afterOn ?? [] } }
}

const valuesOfColumns = valuesOf(having(jobColumns, 'set', 'once', 'always'))

/** The columns of a job's definition, by their names in SQL. */
export function authoredValues({
  after,
  ...rest
}: Omit<Authored, 'createdAt' | 'updatedAt' | 'version'>): Row {
  return valuesOfColumns({ ...rest, afterJob: after?.job ?? null, afterOn: after?.on ?? null })
}

/** Of a delivery's target only what says which it is: with its template it may have 100 KB. */
export const nameOfTarget = `jsonb_strip_nulls(jsonb_build_object(
      'channel', d.target -> 'channel', 'type', d.target -> 'type', 'job', d.target -> 'job'))`

/** A pending delivery as the look statement aggregates it, or a row of the table. */
export function readDelivery(row: Row): PendingDelivery {
  return {
    id: row['id'] as string,
    runId: row['run_id'] as string,
    target: row['target'] as PendingDelivery['target'],
    event: row['event'] as PendingDelivery['event'],
    attempt: row['attempt'] as number,
    dueAt: maybeDate(row['due_at']),
    owner: row['owner'] as string | null,
    leaseUntil: maybeDate(row['lease_until']),
  }
}
