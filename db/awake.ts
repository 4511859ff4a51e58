import type { Batch } from '../src/telemetry/index.ts'
import type { Sql } from './client.ts'

/**
 * Adds how long a process has been up until now to the days that it was up on; its start and its fires count for the last of
 * them. May be carried out twice, as `addCounters`. `now` stands in for Postgres' own clock.
 */
export function addAwake(sql: Sql, { id, awake: { ms, starts, fires } }: Batch, now: Date | null) {
  return sql`
    insert into awake_days (day, awake_ms, starts, fires, batch)
    select day::date,
      round(date_part('epoch', least(until, day + interval '1 day') - greatest(since, day)) * 1000)::bigint,
      case when day = date_trunc('day', until) then ${starts}::int else 0 end,
      case when day = date_trunc('day', until) then ${fires}::bigint else 0 end, ${id}::uuid
    from (select ended at time zone 'UTC' as until, (ended - ${ms} * interval '1 ms') at time zone 'UTC' as since
      from coalesce(${now}::timestamptz, clock_timestamp()) ended) span,
      generate_series(date_trunc('day', since), until, interval '1 day') day
    where ${ms}::float8 + ${starts}::int + ${fires}::bigint > 0
    on conflict on constraint awake_days_pkey do update set awake_ms = awake_days.awake_ms + excluded.awake_ms,
      starts = awake_days.starts + excluded.starts, fires = awake_days.fires + excluded.fires, batch = excluded.batch
    where awake_days.batch <> excluded.batch`
}
