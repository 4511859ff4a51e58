import type { RunState } from '../src/decisions/index.ts'
import type { Sql } from './client.ts'
import { date, maybeDate, type Row } from './columns.ts'
import { type FoldedSlots, readFold } from './ledger.ts'

type RecentRun = {
  id: string
  state: RunState
  slot: Date | null
  reason: string | null
  startedAt: Date | null
  finishedAt: Date | null
}

/** Of one job: its newest runs and folded slots, both newest first, and its next slot; null: it has none, or rests. */
export type Strip = { jobId: string; nextSlot: Date | null; runs: RecentRun[]; folds: FoldedSlots[] }

const runsMost = 50
const foldsMost = 30

/** In the order of `jobIds`; those that do not exist, or in another project, are left out. */
export async function readStrips(
  sql: Sql,
  jobIds: readonly string[],
  project: string | null,
): Promise<Strip[]> {
  const rows: Row[] = await sql`
    select w.job_id, case when t.state = 'scheduled' then t.next_slot end as next_slot,
      (select coalesce(jsonb_agg(jsonb_build_object('id', n.id, 'state', n.state, 'slot', n.slot, 'reason', n.reason,
          'started_at', n.started_at, 'finished_at', n.finished_at) order by n.seq desc), '[]')
        from (select * from runs r where r.job_id = t.job_id order by r.seq desc limit ${runsMost}) n) as runs,
      (select coalesce(jsonb_agg(to_jsonb(f) order by f.last_slot desc), '[]')
        from (select first_slot, last_slot, count, verdict, reason, rule from folded_slots s
          where s.job_id = t.job_id order by s.last_slot desc limit ${foldsMost}) f) as folds
    from jsonb_array_elements_text(${sql.json(jobIds)}) with ordinality as w(job_id, place)
    join job_runtime t on t.job_id = w.job_id
    where ${project === null ? sql`true` : sql`exists (select from jobs j where j.id = w.job_id and j.project = ${project})`}
    order by w.place`
  return rows.map((row) => ({
    jobId: row['job_id'] as string,
    nextSlot: maybeDate(row['next_slot']),
    runs: (row['runs'] as Row[]).map(readRun),
    folds: (row['folds'] as Row[]).map((fold) =>
      readFold({ ...fold, first_slot: date(fold['first_slot']), last_slot: date(fold['last_slot']) }),
    ),
  }))
}

function readRun(row: Row): RecentRun {
  return {
    id: row['id'] as string,
    state: row['state'] as RunState,
    slot: maybeDate(row['slot']),
    reason: row['reason'] as string | null,
    startedAt: maybeDate(row['started_at']),
    finishedAt: maybeDate(row['finished_at']),
  }
}
