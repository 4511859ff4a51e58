import { jobColumns, type RowOf } from '../src/columns/index.ts'
import type { JobRule, JobState, RunState } from '../src/decisions/index.ts'
import type { Sql } from './client.ts'
import { date, maybeDate, readerOf, type Row, selectionOf } from './columns.ts'
import { ruleOf } from './rows.ts'

type TimelineRun = {
  id: string
  state: RunState
  slot: Date | null
  startedAt: Date | null
  waitingSince: Date | null
}

/** A job that wakes in the window. `past`: its runs of slots in the window so far. `expectedMs`: the median of its last runs. */
export type TimelineRow = Pick<RowOf<typeof columns>, 'id' | 'project' | 'name' | 'tags'> & {
  rule: JobRule
  state: JobState
  nextSlot: Date | null
  slotsUsed: number
  wakeAt: Date
  isOwed: boolean
  expectedMs: number | null
  past: TimelineRun[]
  live: TimelineRun[]
  now: Date
}

/** `project` null: of all. */
export type LanesWish = { project: string | null; from: Date; to: Date; limit: number; slotsMost: number }

// neither actions nor prompts: they may be large, and no slot depends on them
const {
  id,
  project: projectColumn,
  name,
  tags,
  version,
  schedule,
  timezone,
  anchor,
  repeatTimes,
  policy,
} = jobColumns
const columns = {
  id,
  project: projectColumn,
  name,
  tags,
  version,
  schedule,
  timezone,
  anchor,
  repeatTimes,
  policy,
}
const readColumns = readerOf(columns)
const unread = {
  action: { type: 'none' },
  prompt: null,
  skills: [],
  deliver: null,
  after: null,
  key: null,
}

const liveMost = 20
const recentMost = 20

const run = `jsonb_build_object('id', n.id, 'state', n.state, 'slot', n.slot, 'started_at', n.started_at,
          'waiting_since', case when n.state = 'claimed' then n.waiting_since end)`

/** One more than `limit`, if there are more, and one more than `slotsMost` of a job's past slots. Each lane is found by the index of wake times, its runs by those of a job's runs. */
export async function readLanes(
  sql: Sql,
  { project, from, to, limit, slotsMost, now }: LanesWish & { now: Date | null },
): Promise<TimelineRow[]> {
  const rows: Row[] = await sql`
    with waking as materialized (
      select job_id, state, next_slot, slots_used, wake_at, armed_gen < wake_gen as is_owed
      from job_runtime
      where wake_at < ${to} ${project === null ? sql`` : sql`and job_id in (select id from jobs where project = ${project})`}
      order by wake_at, job_id limit ${limit + 1})
    select ${sql.unsafe(selectionOf(columns, 'j'))}, w.state as job_state, w.next_slot, w.slots_used, w.wake_at, w.is_owed,
      coalesce(${now}::timestamptz, clock_timestamp()) as now,
      (select percentile_disc(0.5) within group (order by round(date_part('epoch', n.finished_at - n.started_at) * 1000))
        from (select * from runs r where r.job_id = w.job_id order by r.seq desc limit ${recentMost}) n
        where n.finished_at is not null and n.started_at is not null and n.state <> 'skipped') as expected_ms,
      (select coalesce(jsonb_agg(${sql.unsafe(run)} order by n.slot), '[]') from (
        select * from runs r where r.job_id = w.job_id and r.slot >= ${from} and r.slot < ${to}
        order by r.slot limit ${slotsMost + 1}) n) as past,
      (select coalesce(jsonb_agg(${sql.unsafe(run)} order by n.seq), '[]') from (
        select * from runs r where r.job_id = w.job_id and r.state in ('claimed', 'running', 'waiting')
        limit ${liveMost}) n) as live
    from waking w join jobs j on j.id = w.job_id order by w.wake_at, w.job_id`
  return rows.map((row) => ({
    ...ruled(row),
    state: row['job_state'] as JobState,
    nextSlot: maybeDate(row['next_slot']),
    slotsUsed: row['slots_used'] as number,
    wakeAt: date(row['wake_at']),
    isOwed: row['is_owed'] as boolean,
    expectedMs: row['expected_ms'] === null ? null : Number(row['expected_ms']),
    past: (row['past'] as Row[]).map(readRun),
    live: (row['live'] as Row[]).map(readRun),
    now: date(row['now']),
  }))
}

function ruled(row: Row): Pick<TimelineRow, 'id' | 'project' | 'name' | 'tags' | 'rule'> {
  const job = readColumns(row)
  return {
    id: job.id,
    project: job.project,
    name: job.name,
    tags: job.tags,
    rule: ruleOf({ ...job, ...unread }),
  }
}

function readRun(row: Row): TimelineRun {
  return {
    id: row['id'] as string,
    state: row['state'] as RunState,
    slot: maybeDate(row['slot']),
    startedAt: maybeDate(row['started_at']),
    waitingSince: maybeDate(row['waiting_since']),
  }
}
