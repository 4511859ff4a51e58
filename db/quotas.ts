import type { Sql } from './client.ts'

/** The minute of `now` (SQL; null: of Postgres' clock). */
export const minuteOf = (now: string) => `date_trunc('minute', coalesce(${now}, statement_timestamp()))`

/** Runs of a project that are counted in a minute. */
export type RunsOfProject = { project: string; runs: number }

/**
 * Counts so many new runs of the project in this minute, as far as its quota goes. Gives the minute that they were counted
 * in; null: there is not room for all of them, and none is counted.
 *
 * A statement that waited for the row over the edge of a minute finds the next one begun, and counts in that: the minute
 * of a row that goes back would let the next statement begin it again from nothing.
 */
export async function takeRuns(
  sql: Sql,
  { project, runs }: RunsOfProject,
  now: Date | null,
): Promise<Date | null> {
  const [row] = await sql<{ minute: Date }[]>`
    with this as (select date_trunc('minute', coalesce(${now}::timestamptz, statement_timestamp())) as minute)
    update projects p set
      minute = case when p.minute = this.minute + interval '1 minute' then p.minute else this.minute end,
      minute_runs = case when p.minute in (this.minute, this.minute + interval '1 minute') then p.minute_runs else 0 end + ${runs}::int
    from this
    where p.name = ${project} and (p.runs_per_minute is null
      or case when p.minute in (this.minute, this.minute + interval '1 minute') then p.minute_runs else 0 end + ${runs}::int
        <= p.runs_per_minute)
    returning p.minute`
  return row?.minute ?? null
}

/** Takes back what was counted and not begun, from the minute that it was counted in: a later one has counted none of it. */
export async function giveBackRuns(
  sql: Sql,
  { project, runs, minute }: RunsOfProject & { minute: Date },
): Promise<void> {
  await sql`
    update projects set minute_runs = greatest(0, minute_runs - ${runs}::int)
    where name = ${project} and minute = ${minute}::timestamptz`
}
