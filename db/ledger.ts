import type { RunState } from '../src/decisions/index.ts'
import type { Schedule } from '../src/schedule/index.ts'
import type { Sql } from './look.ts'
import { date, type Row } from './columns.ts'
import { slotVerdicts } from './slot-verdicts.ts'

export type SlotRun = { slot: Date; runId: string; state: RunState; reason: string | null }
export type FoldedSlots = {
  firstSlot: Date
  lastSlot: Date
  count: number
  verdict: 'skipped' | 'missed' | 'superseded' | 'cancelled'
  reason: string
  rule: { schedule: Schedule; zone: string; anchor: Date }
}

/** How many slots of a UTC day had which verdict. `day`: its begin. */
export type SlotDay = { day: Date; verdicts: Record<(typeof slotVerdicts)[number], number> }

/**
 * The runs of a job whose slot lies in [from, to), and the folded slots that touch it; oldest first. `days`: of those UTC days
 * in it from which runs have been removed, what all slots of the day add up to.
 */
export async function readLedger(
  sql: Sql,
  jobId: string,
  span: { from: Date; to: Date; limit: number },
): Promise<{ runs: SlotRun[]; folds: FoldedSlots[]; days: SlotDay[] }> {
  const [runs, folds, days] = await Promise.all([
    sql`select slot, id, state, reason from runs
      where job_id = ${jobId} and slot >= ${span.from} and slot < ${span.to} order by slot limit ${span.limit}`,
    sql`select first_slot, last_slot, count, verdict, reason, rule from folded_slots
      where job_id = ${jobId} and last_slot >= ${span.from} and first_slot < ${span.to} order by first_slot limit ${span.limit}`,
    sql`select d.* from job_history h join job_days d on d.job_id = h.job_id
      where h.job_id = ${jobId} and d.day >= (${span.from}::timestamptz at time zone 'UTC')::date
        and d.day <= (h.gone_to at time zone 'UTC')::date and d.day < ${span.to}::timestamptz at time zone 'UTC'
        and ${sql.unsafe(slotVerdicts.map((verdict) => `slots_${verdict}`).join(' + '))} > 0
      order by d.day limit ${span.limit}`,
  ])
  return { runs: runs.map(readSlotRun), folds: folds.map(readFold), days: days.map(readDay) }
}

function readDay(row: Row): SlotDay {
  const counts = slotVerdicts.map((verdict) => [verdict, row[`slots_${verdict}`]])
  return { day: date(row['day']), verdicts: Object.fromEntries(counts) as SlotDay['verdicts'] }
}

function readSlotRun(row: Row): SlotRun {
  return {
    slot: date(row['slot']),
    runId: row['id'] as string,
    state: row['state'] as RunState,
    reason: row['reason'] as string | null,
  }
}

export function readFold(row: Row): FoldedSlots {
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
