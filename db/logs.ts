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

    /** The log of an attempt (null: the newest) from byte `from` on; null: there is no such run, or its job is gone. */
    async read(runId: string, attempt: number | null, from = 0): Promise<StoredLog | null> {
      const [row]: Row[] = await database.run(
        (sql) => sql`
          select r.state, r.attempt as newest, r.finished_at is not null as finished, l.attempt, l.total,
            length(l.head) as head_bytes, length(l.tail) as tail_bytes,
            substring(l.head from least(${from}::bigint, coalesce(length(l.head), 0))::int + 1) as head,
            substring(l.tail from least(
              greatest(${from}::bigint - (l.total - length(l.tail)), 0), coalesce(length(l.tail), 0))::int + 1) as tail
          from runs r join jobs j on j.id = r.job_id
          left join attempt_logs l on l.run_id = r.id and l.attempt = coalesce(${attempt}::int, r.attempt)
          where r.id = ${runId}`,
        { idempotent, name: 'reading the log' },
      )
      return row ? readLog(row) : null
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
    join runs r on r.id = g."runId" and r.attempt = g.attempt and r.fence = g.fence
    join jobs j on j.id = r.job_id,
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
