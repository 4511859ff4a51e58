import { type Nas, startNas } from '../dev/nas/index.ts'
import type { Database } from './world.ts'

/**
 * One time for Postgres and NAS that goes as fast as any other while something happens, and leaps where nothing does.
 *
 * Postgres' own clock is another for this database: a function of the same name comes before it in the search path.
 * The shipped program notices nothing, since it has the time from Postgres. (Its own clock is looked at for the
 * signature of a fire only, and NAS signs by that one.)
 */
export type VirtualTime = {
  nas: Nas
  nowMs(): number
  /** Goes on at `instantMs`; never back. What is due by then is fired at once. */
  leapTo(instantMs: number): Promise<void>
  /** The earliest instant at which NAS has something to fire; Infinity: nothing. */
  nextMs(): number
  /** Statements that this made itself. */
  statements(): number
  close(): Promise<void>
}

/** How late NAS may be with what becomes due while a machine is up. */
const tickMs = 5

export async function startVirtualTime({ sql, url }: Database, start: Date): Promise<VirtualTime> {
  let leadMs = start.getTime() - Date.now()
  let statements = 0
  const nowMs = () => Date.now() + leadMs
  await sql`create schema bench`
  await sql`create table bench.clock (lead interval not null)`
  await sql`insert into bench.clock values (${leadMs} * interval '1 ms')`
  await sql`
    create function bench.clock_timestamp() returns timestamptz language sql volatile
    as 'select pg_catalog.clock_timestamp() + lead from bench.clock'`
  await sql.unsafe(
    `alter database ${new URL(url).pathname.slice(1)} set search_path = bench, public, pg_catalog`,
  )
  const nas = await startNas({ time: start, instance: 'bench' })
  const tick = setInterval(() => nas.jump(new Date(nowMs())), tickMs)

  return {
    ...{ nas, nowMs },
    async leapTo(instantMs) {
      const nextLeadMs = Math.max(leadMs, instantMs - Date.now())
      statements += 1
      // Postgres first: no fire may come before its instant
      await sql`update bench.clock set lead = ${nextLeadMs} * interval '1 ms'`
      leadMs = nextLeadMs
      nas.jump(new Date(nowMs()))
    },
    nextMs: () => Math.min(...nas.held().map(({ due_at }) => Date.parse(due_at))),
    statements: () => statements,
    async close() {
      clearInterval(tick)
      await nas.close()
    },
  }
}
