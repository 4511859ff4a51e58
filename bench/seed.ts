import type postgres from 'postgres'
import type { Keys } from './world.ts'

export type Seed = {
  count: number
  /** The next slot: so many seconds from now; negative: it has come. */
  nextInS: number
  everyS?: number
  /** Ids begin behind this number. */
  after?: number
}

/**
 * Jobs as a fire finds them: every 5 minutes (so that the next slot comes before a lease's end, and a fire costs one
 * arm), with the wake-up armed and confirmed. Their action is a prompt, which ends at once without any call.
 */
export async function seedJobs(sql: postgres.Sql, { count, nextInS, everyS = 300, after = 0 }: Seed) {
  const schedule = {
    ...{ kind: 'interval', text: `every ${everyS}s`, display: `every ${everyS}s`, every_ms: everyS * 1000 },
  }
  await sql`
    insert into jobs (id, name, schedule, timezone, anchor, prompt, action)
    select lpad(to_hex(n), 12, '0'), 'bench ' || n, ${sql.json(schedule)}, 'UTC',
      date_trunc('second', now()) + ${nextInS - everyS} * interval '1 s', 'bench', '{"type":"prompt"}'
    from generate_series(${after + 1}::int, ${after + count}::int) n`
  await sql`
    insert into job_runtime (job_id, next_slot, wake_at, armed_gen, armed_at)
    select id, anchor + ${everyS} * interval '1 s', anchor + ${everyS} * interval '1 s', 1,
      anchor + ${everyS} * interval '1 s'
    from jobs where id > ${jobId(after)} and id <= ${jobId(after + count)}`
  await sql.unsafe('analyze')
}

/** What a service has learnt after a few fires: that this NAS keeps arms; and the signing keys. */
export async function seedKnowledge(sql: postgres.Sql, { jwksUrl, jwks }: Keys) {
  await sql`insert into facts (name, value) values ('nas_manners', '{"kept":5,"forgot":0}') on conflict do nothing`
  await sql`
    insert into nas_keys (jwks_url, jwks, fetched_at) values (${jwksUrl}, ${sql.json(jwks as never)}, now())
    on conflict do nothing`
}

export const jobId = (n: number) => n.toString(16).padStart(12, '0')

/** Makes the next slot of a job have come just now. */
export async function makeDue(sql: postgres.Sql, id: string): Promise<Date> {
  const [row] = await sql<{ slot: Date }[]>`
    with slot as (select date_trunc('milliseconds', clock_timestamp()) as at),
    moved as (update jobs set anchor = slot.at from slot where id = ${id})
    update job_runtime set next_slot = slot.at, wake_at = slot.at, armed_at = slot.at from slot where job_id = ${id}
    returning slot.at as slot`
  if (!row) throw new Error(`job ${id} is not there`)
  return row.slot
}
