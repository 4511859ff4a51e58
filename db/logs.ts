import { createBatch } from './batch.ts'
import type { Database, Sql } from './client.ts'
import type { Row } from './columns.ts'
import { notAwaited } from './later.ts'

/** The log of an attempt so far. `head` null: as stored before, with no byte to add. */
export type LogWrite = {
  runId: string
  attempt: number
  fence: number
  head: Uint8Array | null
  tail: Uint8Array
  total: number
}

/**
 * A log from some byte on, and how its run does. `headBytes` and `tailBytes` are whole lengths; of `head` and `tail` only
 * everything from the requested byte on is there. The tail ends at `total`.
 */
export type StoredLog = {
  /** Null: this attempt has written nothing. */
  attempt: number | null
  head: Buffer
  tail: Buffer
  headBytes: number
  tailBytes: number
  total: number
  run: { state: string; attempt: number; isFinished: boolean }
}

/** How much of a job's past is kept: runs in number, and days. */
export type Kept = { runs: number; days: number }

export type LogStore = ReturnType<typeof createLogStore>

/** `clock`, if given, stands in for Postgres' own. */
export function createLogStore(database: Database, clock: () => Date | null = () => null) {
  const idempotent = true
  const write = createBatch<LogWrite, true>({
    keyOf,
    carryOut: (logs) =>
      database.run((sql) => writeLogs(sql, logs, clock()), { idempotent, name: 'writing the log' }),
    ...crowd,
  })
  return {
    /**
     * False: the run shows another fence or attempt by now (or is gone), and nothing was written. Writes of many callers
     * share statements.
     */
    write: async (log: LogWrite): Promise<boolean> => (await write(log)) !== null,

    /** The log of an attempt (null: the newest) from byte `from` on; null: there is no such run. */
    async read(runId: string, attempt: number | null, from = 0): Promise<StoredLog | null> {
      const [row]: Row[] = await database.run(
        (sql) => sql`
          select r.state, r.attempt as newest, r.finished_at is not null as finished, l.attempt, l.total,
            length(l.head) as head_bytes, length(l.tail) as tail_bytes,
            substring(l.head from least(${from}::bigint, coalesce(length(l.head), 0))::int + 1) as head,
            substring(l.tail from least(
              greatest(${from}::bigint - (l.total - length(l.tail)), 0), coalesce(length(l.tail), 0))::int + 1) as tail
          from runs r left join attempt_logs l on l.run_id = r.id and l.attempt = coalesce(${attempt}::int, r.attempt)
          where r.id = ${runId}`,
        { idempotent, name: 'reading the log' },
      )
      return row ? readLog(row) : null
    },

    /** Jobs in the order of their ids, after `after`; `retention` as their authors set it. */
    async jobs(page: {
      after: string
      limit: number
    }): Promise<{ id: string; policy: Record<string, unknown> }[]> {
      const rows: Row[] = await database.run(
        (sql) => sql`select id, policy from jobs where id > ${page.after} order by id limit ${page.limit}`,
        { idempotent, name: 'reading what jobs keep' },
      )
      return rows.map((row) => ({
        id: row['id'] as string,
        policy: row['policy'] as Record<string, unknown>,
      }))
    },

    /** @returns null: there is no such job */
    async policyOf(jobId: string): Promise<Record<string, unknown> | null> {
      const [row]: Row[] = await database.run((sql) => sql`select policy from jobs where id = ${jobId}`, {
        idempotent,
        name: 'reading what the job keeps',
      })
      return (row?.['policy'] as Record<string, unknown> | undefined) ?? null
    },

    /**
     * Takes logs and output from the oldest runs of a job that are over, `limit` at most, and says of how many: those
     * beyond the newest `kept.runs`, and those from more than `kept.days` days ago. Of the newest success with an output
     * nothing is taken, since templates and later prompts read it. Rows of runs stay, for the ledger.
     *
     * How far it has come is noted as a fact, so that pruned jobs are not read again. The note of a job that is
     * gone goes with the next pruning of any job.
     */
    async prune(jobId: string, kept: Kept, limit: number): Promise<number> {
      const note = `pruned:${jobId}`
      const [row]: Row[] = await database.run(
        (sql) => sql`
          with clock as (select coalesce(${clock()}::timestamptz, clock_timestamp()) as now),
          bounds as (
            select now, now - ${kept.days}::int * interval '1 day' as before,
              coalesce((select (value ->> 'seq')::bigint from facts where name = ${note}), 0) as done_to,
              coalesce((select seq from runs where job_id = ${jobId} order by seq desc offset ${kept.runs} limit 1), 0) as beyond,
              (select seq from runs where job_id = ${jobId} and state = 'succeeded' and output is not null
                order by seq desc limit 1) as newest_output,
              (select min(seq) from runs where job_id = ${jobId} and state in ('claimed', 'running', 'waiting')) as live
            from clock
          ),
          past as (
            select r.id, r.seq from runs r, bounds b
            where r.job_id = ${jobId} and r.seq > b.done_to and r.finished_at is not null
              and (r.seq <= b.beyond or r.claimed_at < b.before) and r.seq is distinct from b.newest_output
              and (r.output is not null or exists (select from attempt_logs l where l.run_id = r.id))
            order by r.seq limit ${limit}
            for no key update of r
          ),
          cleared as (update runs set output = null where id in (select id from past) and output is not null),
          dropped as (delete from attempt_logs where run_id in (select id from past)),
          come as (
            select least(b.newest_output - 1, b.live - 1,
              case when (select count(*) from past) < ${limit}
                then (select max(seq) from runs where job_id = ${jobId} and (seq <= b.beyond or claimed_at < b.before))
                else (select max(seq) from past) end) as to_seq
            from bounds b
          ),
          noted as (
            insert into facts (name, value, updated_at)
            select ${note}, jsonb_build_object('seq', come.to_seq), b.now from come, bounds b
            where come.to_seq > b.done_to
            on conflict on constraint facts_pkey do update set value = excluded.value, updated_at = excluded.updated_at
          ),
          orphaned as (
            delete from facts f where f.name like 'pruned:%'
              and not exists (select from jobs where id = substring(f.name from 8))
          )
          select count(*)::int as n from past`,
        { name: 'pruning logs' },
      )
      return row?.['n'] as number
    },
  }
}

const nothing = Buffer.alloc(0)

/** A log is 128 KiB at most, and a third more on its way. */
const crowd = { most: 32, atOnce: 2 }

const keyOf = ({ runId, attempt }: Pick<LogWrite, 'runId' | 'attempt'>) => `${runId}.${attempt}`

async function writeLogs(sql: Sql, logs: LogWrite[], now: Date | null): Promise<Map<string, true>> {
  const given = logs.map(({ head, tail, ...log }) => ({ ...log, head: base64(head), tail: base64(tail) }))
  const rows: Row[] = await sql`
    insert into attempt_logs as l (run_id, attempt, job_id, head, tail, total, created_at, updated_at)
    select r.id, r.attempt, r.job_id, decode(g.head, 'base64'), decode(g.tail, 'base64'), g.total, c.now, c.now
    from jsonb_to_recordset(${sql.json(given)})
      as g("runId" uuid, attempt int, fence bigint, head text, tail text, total bigint)
    join runs r on r.id = g."runId" and r.attempt = g.attempt and r.fence = g.fence,
      (select coalesce(${now}::timestamptz, clock_timestamp()) as now, ${sql.unsafe(notAwaited)}) c
    order by r.id, r.attempt
    on conflict on constraint attempt_logs_pkey do update set
      head = case when length(excluded.head) = 0 then l.head else excluded.head end,
      tail = excluded.tail, total = excluded.total, updated_at = excluded.updated_at
    returning run_id, attempt`
  return new Map(
    rows.map((row) => [keyOf({ runId: row['run_id'] as string, attempt: row['attempt'] as number }), true]),
  )
}

function base64(bytes: Uint8Array | null): string {
  return bytes === null
    ? ''
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

function readLog(row: Row): StoredLog {
  return {
    attempt: row['attempt'] as number | null,
    head: (row['head'] as Buffer | null) ?? nothing,
    tail: (row['tail'] as Buffer | null) ?? nothing,
    headBytes: (row['head_bytes'] as number | null) ?? 0,
    tailBytes: (row['tail_bytes'] as number | null) ?? 0,
    total: (row['total'] as number | null) ?? 0,
    run: {
      state: row['state'] as string,
      attempt: row['newest'] as number,
      isFinished: row['finished'] as boolean,
    },
  }
}
