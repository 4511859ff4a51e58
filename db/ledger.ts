import type { RunState } from '../src/decisions/index.ts'
import type { Schedule } from '../src/schedule/index.ts'
import type { Sql } from './look.ts'
import { date, type Row } from './columns.ts'

export type SlotRun = { slot: Date; runId: string; state: RunState; reason: string | null }
export type FoldedSlots = {
  firstSlot: Date
  lastSlot: Date
  count: number
  verdict: 'skipped' | 'missed' | 'superseded' | 'cancelled'
  reason: string
  rule: { schedule: Schedule; zone: string; anchor: Date }
}

/** The runs of a job whose slot lies in [from, to), and the folded slots that touch it; oldest first. */
export async function readLedger(
  sql: Sql,
  jobId: string,
  span: { from: Date; to: Date; limit: number },
): Promise<{ runs: SlotRun[]; folds: FoldedSlots[] }> {
  const [runs, folds] = await Promise.all([
    sql`select slot, id, state, reason from runs
      where job_id = ${jobId} and slot >= ${span.from} and slot < ${span.to} order by slot limit ${span.limit}`,
    sql`select first_slot, last_slot, count, verdict, reason, rule from folded_slots
      where job_id = ${jobId} and last_slot >= ${span.from} and first_slot < ${span.to} order by first_slot limit ${span.limit}`,
  ])
  return { runs: runs.map(readSlotRun), folds: folds.map(readFold) }
}

function readSlotRun(row: Row): SlotRun {
  return {
    slot: date(row['slot']),
    runId: row['id'] as string,
    state: row['state'] as RunState,
    reason: row['reason'] as string | null,
  }
}

function readFold(row: Row): FoldedSlots {
  const { schedule, timezone, anchor } = row['rule'] as {
    schedule: Schedule
    timezone: string
    anchor: string
  }
  return {
    firstSlot: date(row['first_slot']),
    lastSlot: date(row['last_slot']),
    count: row['count'] as number,
    verdict: row['verdict'] as FoldedSlots['verdict'],
    reason: row['reason'] as string,
    rule: {
      schedule: schedule.kind === 'once' ? { ...schedule, runAt: date(schedule.runAt) } : schedule,
      zone: timezone,
      anchor: date(anchor),
    },
  }
}
