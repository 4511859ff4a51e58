import { busyMost } from '../db/busy-days.ts'
import type postgres from 'postgres'
import { jobId } from './seed.ts'

/**
 * Runs of the past: `runs` of them over jobs 1 … `jobs`, one after the other and then from the first again, one every 30 ms
 * up to a moment ago; the first `big` of them belong to job `jobs` + 1 alone. Of a thousand runs 9 have failed, 1 was skipped,
 * one in two million is interrupted. All but the newest `tail` are added up. Gives milliseconds: of the rows, and of their indexes.
 */
export async function seedHistory(
  sql: postgres.Sql,
  { jobs, runs, big, tail }: { jobs: number; runs: number; big: number; tail: number },
): Promise<{ rowsMs: number; indexesMs: number }> {
  const startedAt = performance.now()
  const indexes = await sql<{ name: string; text: string }[]>`
    select c.relname as name, pg_get_indexdef(i.indexrelid) as text from pg_index i join pg_class c on c.oid = i.indexrelid
    where i.indrelid = 'runs'::regclass
      and not exists (select from pg_constraint where conindid = i.indexrelid and contype in ('p', 'u'))`
  for (const { name } of indexes) await sql.unsafe(`drop index ${name}`)
  await sql`alter table runs drop constraint runs_job_slot`
  await sql.unsafe(`
    set synchronous_commit = off;
    insert into runs (id, seq, job_id, slot, trigger, state, fence, attempt, claimed_at, started_at, finished_at, attempts,
      usage, output)
    select lpad(to_hex(n), 32, '0')::uuid, extract(epoch from at) * 1000000,
      lpad(to_hex(case when n <= ${big} then ${jobs + 1} else 1 + n % ${jobs} end), 12, '0'), at, 'fire',
      case when n % 2000000 = 7 then 'interrupted' when n % 1000 < 9 then 'failed' when n % 1000 = 9 then 'skipped'
        else 'succeeded' end,
      n, 1, at, at + interval '20 ms', at + interval '250 ms',
      jsonb_build_array(jsonb_build_object('attempt', 1, 'fence', n, 'state', 'succeeded', 'error', null,
        'started_at', at + interval '20 ms', 'finished_at', at + interval '250 ms')),
      null, 'ok'
    from generate_series(1, ${runs}) n,
      lateral (select date_trunc('second', now()) - interval '2 minutes' - (${runs} - n) * interval '30 ms' as at) t;
    reset synchronous_commit`)
  const rowsMs = performance.now() - startedAt
  const indexesAt = performance.now()
  await sql.unsafe(
    `set maintenance_work_mem = '1GB'; alter table runs add constraint runs_job_slot unique (job_id, slot)`,
  )
  for (const { text } of indexes) await sql.unsafe(`set maintenance_work_mem = '1GB'; ${text}`)
  const indexesMs = performance.now() - indexesAt
  await seedDays(sql, tail)
  await sql`
    insert into deliveries (id, run_id, job_id, target, event, state, finished_at)
    select gen_random_uuid(), id, job_id, '{"channel":"ops"}', 'failure', 'failed', finished_at
    from runs where state = 'failed'`
  await sql`
    insert into audit (actor, action, target, status)
    select 'key:' || n % 20, case when n % 400000 = 3 then 'deleteJob' else 'runJob' end, ${jobId(1)}, 200
    from generate_series(1, ${Math.round(runs / 10)}) n`
  await sql.unsafe('vacuum analyze')
  return { rowsMs, indexesMs }
}

/** As if all but the newest `tail` runs had been added up step by step. */
async function seedDays(sql: postgres.Sql, tail: number) {
  await sql`
    update history set folded_to = (select finished_at from runs order by finished_at desc offset ${tail} limit 1)`
  const sums = (table: string, key: string, type: string) => `
    insert into ${table} (${key}day, runs_succeeded, runs_failed, runs_skipped, slots_ran, slots_skipped, attempts, awake_ms, duration_ms,
      duration_counts, lateness_ms, lateness_counts)
    select ${key}finished_at::date, count(*) filter (where state = 'succeeded'), count(*) filter (where state = 'failed'),
      count(*) filter (where state = 'skipped'), count(*), 0, count(*), 230 * count(*), 230 * count(*),
      array_fill(0, array[5]) || array[count(*)::int] || array_fill(0, array[13])::${type}[], 20 * count(*),
      array[0, 0, count(*)::int] || array_fill(0, array[16])::${type}[]
    from runs where finished_at <= (select folded_to from history) group by ${key}finished_at::date`
  await sql.unsafe(sums('job_days', 'job_id, ', 'int'))
  await sql.unsafe(sums('service_days', '', 'bigint'))
  await sql`
    insert into busy_days (job_id, day, awake_ms)
    select job_id, day, awake_ms from (
      select job_id, day, awake_ms, row_number() over (partition by day order by awake_ms desc, job_id) as place from job_days) d
    where place <= ${busyMost}`
  await sql`
    insert into job_history (job_id, kept, next_at)
    select job_id, count(*), now() + interval '1 day' from runs where finished_at <= (select folded_to from history) group by 1`
}
