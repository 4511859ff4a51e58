import type { Sql } from './client.ts'

/** The minute of `now` (SQL; null: of Postgres' clock). */
export const minuteOf = (now: string) => `date_trunc('minute', coalesce(${now}, statement_timestamp()))`

/**
 * Counts so many new runs of the project in this minute, as far as its quota goes; false: there is not room for all of
 * them, and none is counted. A negative number gives back what was not begun.
 */
export async function takeRuns(
  sql: Sql,
  { project, runs }: { project: string; runs: number },
  now: Date | null,
): Promise<boolean> {
  const rows = await sql`
    with this as (select date_trunc('minute', coalesce(${now}::timestamptz, statement_timestamp())) as minute)
    update projects p set minute = this.minute,
      minute_runs = greatest(0, case when p.minute = this.minute then p.minute_runs else 0 end + ${runs}::int)
    from this
    where p.name = ${project} and (p.runs_per_minute is null
      or case when p.minute = this.minute then p.minute_runs else 0 end + ${runs}::int <= p.runs_per_minute)
    returning p.name`
  return rows.length > 0
}
