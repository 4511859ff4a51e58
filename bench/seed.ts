import type postgres from 'postgres'
import { lookAll } from '../db/look.ts'
import { readyOf } from '../src/decisions/ready.ts'
import type { Keys, NasProcess } from './world.ts'

export type Seed = {
  count: number
  /** The next slot: so many seconds from now (negative: it has come), or an instant for which they are armed, too. */
  next: number | Date
  everyS?: number
  /** Ids begin behind this number. */
  after?: number
  /**
   * Earlier runs of each job. Without any, Postgres plans for an empty table, and keeps reading it whole until it has
   * looked at it again: true of a service in its first minute, and of no other.
   */
  history?: number
  /** What they call, in turn; none: nothing. */
  targets?: string[]
  /** Their slots are spread evenly over so many seconds. */
  spreadS?: number
}

/**
 * Jobs as a fire finds them: every 5 minutes (so that the next slot comes before a lease's end, and a fire costs one
 * arm), with the wake-up armed and confirmed, and with the claim of the next slot decided. If they call nothing, their
 * action is of a type that there is not: its run ends at once, without a call, and without code that is loaded for it.
 */
export async function seedJobs(
  sql: postgres.Sql,
  { count, next, everyS = 300, after = 0, history = 0, targets = [], spreadS = 0 }: Seed,
) {
  const actions = targets.length > 0 ? targets.map((url) => ({ type: 'http', url })) : [{ type: 'none' }]
  const text = `every ${everyS}s`
  const [nextInS, nextAt] = typeof next === 'number' ? [next, null] : [0, next]
  const schedule = { kind: 'interval', text, display: text, every_ms: everyS * 1000 }
  await sql`
    insert into jobs (id, name, schedule, timezone, anchor, prompt, action)
    select lpad(to_hex(n), 12, '0'), 'bench ' || n, ${sql.json(schedule)}, 'UTC',
      coalesce(${nextAt}::timestamptz, date_trunc('second', now()) + ${nextInS} * interval '1 s')
        - ${everyS} * interval '1 s'
        + floor(1000.0 * ${spreadS}::int * (n - 1) / ${count}::int) * interval '1 ms',
      'bench', ${sql.json(actions)}::jsonb -> (n % ${actions.length}::int)
    from generate_series(${after + 1}::int, ${after + count}::int) n`
  await sql`
    insert into job_runtime (job_id, next_slot, wake_at, armed_gen, armed_at, armed_schedule)
    select id, anchor + ${everyS} * interval '1 s', anchor + ${everyS} * interval '1 s', 1, ${nextAt ?? armedAt}, 'bench'
    from jobs where id > ${jobId(after)} and id <= ${jobId(after + count)}`
  await sql`
    insert into runs (id, job_id, trigger, state, fence, attempt, started_at, finished_at)
    select gen_random_uuid(), j.id, 'manual', 'succeeded', 0, 1, now(), now()
    from jobs j, generate_series(1, ${history}::int)
    where j.id > ${jobId(after)} and j.id <= ${jobId(after + count)}`
  await makeReady(sql, { count, after })
  await sql.unsafe('analyze')
}

/** What is decided about the next slot of one of them holds of each, at its own instants. */
async function makeReady(sql: postgres.Sql, { count, after }: { count: number; after: number }) {
  const first = jobId(after + 1)
  const look = (await lookAll(sql, [first], null)).get(first)
  const slot = look?.view.runtime.nextSlot
  if (!look || !slot) throw new Error(`job ${first} has no slot`)
  const { afterSlot, readyFrom, readyUntil, readyVersion } = readyOf(look.view)
  const behind = (instant: Date | null) => instant && instant.getTime() - slot.getTime()
  await sql`
    update job_runtime set
      after_slot = next_slot + ${behind(afterSlot)} * interval '1 ms',
      ready_from = next_slot + ${behind(readyFrom)} * interval '1 ms',
      ready_until = next_slot + ${behind(readyUntil)} * interval '1 ms',
      ready_version = ${readyVersion}, ready_rev = rev
    where job_id > ${jobId(after)} and job_id <= ${jobId(after + count)}`
}

/** Far enough ahead for NAS not to fire by itself. */
export const armedAt = new Date(Math.ceil(Date.now() / 1000) * 1000 + 86_400_000)

/** Makes NAS hold what the seed says that it holds: a boot would arm everything again otherwise. */
export async function armAtNas({ url, env }: NasProcess, ids: string[], at = armedAt) {
  const fire_at = at.toISOString()
  const left = ids.values()
  async function one() {
    for (const job_id of left) {
      const answer = await fetch(`${url}/api/agent-cron/provision`, {
        method: 'POST',
        headers: {
          ...{ authorization: `Bearer ${env['NAS_ACCESS_TOKEN']}`, accept: 'application/json' },
          ...{ 'user-agent': 'chronos-bench/1', 'content-type': 'application/json' },
        },
        body: JSON.stringify({
          ...{ job_id, fire_at, dedup_key: `${job_id}:${fire_at}` },
          agent_callback_url: 'http://127.0.0.1:9',
        }),
      })
      if (!answer.ok) throw new Error(`NAS answered ${answer.status}: ${await answer.text()}`)
      await answer.text()
    }
  }
  await Promise.all(Array.from({ length: 16 }, one))
}

/** What a service has learnt after a few fires: that this NAS keeps arms; and the signing keys. */
export async function seedKnowledge(sql: postgres.Sql, { jwksUrl, jwks }: Keys) {
  await sql`
    insert into facts (name, value)
    values ('nas_manners', '{"kept":5,"forgot":0}'), ('callback_url', '"http://127.0.0.1:9"')
    on conflict do nothing`
  await sql`
    insert into nas_keys (jwks_url, jwks, fetched_at) values (${jwksUrl}, ${sql.json(jwks as never)}, now())
    on conflict do nothing`
}

export const jobIds = (count: number, after = 0) =>
  Array.from({ length: count }, (_, n) => jobId(after + n + 1))

export const jobId = (n: number) => n.toString(16).padStart(12, '0')

/** Makes the next slot of a job have come just now. */
export async function makeDue(sql: postgres.Sql, id: string): Promise<Date> {
  const [row] = await sql<{ slot: Date }[]>`
    with slot as (select date_trunc('milliseconds', clock_timestamp()) as at),
    moved as (update jobs set anchor = slot.at from slot where id = ${id})
    update job_runtime set next_slot = slot.at, wake_at = slot.at, after_slot = after_slot + (slot.at - next_slot),
      ready_from = ready_from + (slot.at - next_slot), ready_until = ready_until + (slot.at - next_slot)
    from slot where job_id = ${id}
    returning slot.at as slot`
  if (!row) throw new Error(`job ${id} is not there`)
  return row.slot
}
