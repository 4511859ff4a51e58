import { and, eq, type SQL, sql } from 'drizzle-orm'
import type { PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import { jobRuntime, jobs } from './schema.ts'

/** `name`: whatever its case. `next`: those without a next run last. `state`: what needs a look first. */
export const jobOrders = ['name', 'next', 'state'] as const
export type JobOrder = { by: (typeof jobOrders)[number]; isDescending: boolean }

/** A row of the list: what it is ordered by, as a text, and its number, which decides between equal ones. */
export type OrderedAt = { key: string; seq: number }

/** Jobs of a list in their order, by id: only they travel, because sorting whole rows would write them to a disk. */
export async function selectOrdered(
  orm: PostgresJsDatabase,
  conditions: (SQL | undefined)[],
  { order, after, limit }: { order: JobOrder; after: OrderedAt | null; limit: number },
): Promise<(OrderedAt & { id: string })[]> {
  const { value, type } = valueOf(order)
  const direction = sql.raw(order.isDescending ? 'desc' : 'asc')
  const beyond = sql.raw(order.isDescending ? '<' : '>')
  const from =
    after === null
      ? undefined
      : sql`(${value}, ${jobs.seq}) ${beyond} (${after.key}::${sql.raw(type)}, ${after.seq}::bigint)`
  return orm
    .select({ id: jobs.id, seq: jobs.seq, key: sql<string>`(${value})::text` })
    .from(jobs)
    .innerJoin(jobRuntime, eq(jobRuntime.jobId, jobs.id))
    .where(and(...conditions, from))
    .orderBy(sql`${value} ${direction}`, sql`${jobs.seq} ${direction}`)
    .limit(limit)
}

function valueOf({ by, isDescending }: JobOrder): { value: SQL; type: string } {
  if (by === 'name') return { value: sql`lower(${jobs.name})`, type: 'text' }
  if (by === 'state') return { value: rank, type: 'int' }
  const next = sql`case when ${jobRuntime.state} = 'scheduled' then ${jobRuntime.nextSlot} end`
  const none = sql.raw(String(isDescending ? -farMicros : farMicros))
  return { value: sql`coalesce((extract(epoch from ${next}) * 1000000)::bigint, ${none})`, type: 'bigint' }
}

/** Later than any slot, in microseconds since 1970. */
const farMicros = 999_999_999_999_999_999n

const rank = sql`case when ${jobRuntime.state} = 'error' then 0 when ${jobRuntime.failureStreak} > 0 then 1
  when ${jobRuntime.state} = 'scheduled' then 2 when ${jobRuntime.state} = 'paused' then 3 else 4 end`
