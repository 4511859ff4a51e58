import { runtimeColumns } from '../src/columns/index.ts'
import type { Runtime } from '../src/decisions/index.ts'
import type { Database, Sql } from './client.ts'
import { readerOf, type Row, selectionOf } from './columns.ts'
import { type Batch, lookPieces, raced, writeBatch } from './declared-write.ts'
import { isAheadGone, isKeyTaken } from './jobs.ts'
import { type Authored, authoredColumns, type Look, readAuthored } from './rows.ts'

/** A job with a key. `aheadKey`: the key of the job that it follows; null: that has none, or it follows none. */
export type KeptJob = { authored: Authored; runtime: Runtime; aheadKey: string | null }

export type DeclaredStore = ReturnType<typeof createDeclaredStore>

/** For a thousand jobs; one job takes milliseconds. */
const deadlineMs = 30_000

/** What files of jobs need of Postgres; loaded with the first of them. `clock`, if given, stands in for Postgres' own. */
export function createDeclaredStore(database: Database, clock: () => Date | null) {
  const reading = { idempotent: true, deadlineMs, name: 'reading the jobs of a file' }
  return {
    /** Those that have one of the keys, or (`tag` not null) any key and this tag; by key. */
    kept: ({ keys, tag }: { keys: string[]; tag: string | null }): Promise<KeptJob[]> =>
      database.run((sql) => readKept(sql, { keys, tag }), reading),

    /** Jobs that have a key (`tag` not null: and this tag), by key, `limit` at most. */
    keyed: ({ tag, limit }: { tag: string | null; limit: number }): Promise<KeptJob[]> =>
      database.run((sql) => readKeyed(sql, { tag, limit }), reading),

    /** How many jobs no file can name. */
    countUnkeyed: (): Promise<number> =>
      database.run(async (sql) => {
        const [row]: Row[] = await sql`select count(*)::int as n from jobs where key is null`
        return row?.['n'] as number
      }, reading),

    /** The jobs as they are; one that is gone is missing. */
    looks: (ids: string[]): Promise<Map<string, Look>> =>
      database.run((sql) => lookPieces(sql, ids, clock()), reading),

    /**
     * The whole batch or nothing, in one transaction. Returns the runs that were live of removed jobs; null: a job has
     * changed since it was looked at, or has the key of one that was to be made, and nothing was written.
     *
     * @throws AppError AFTER_CYCLE; JOB_STATE_CONFLICT: a removed job is followed, or a switch cannot be carried out
     */
    write: (batch: Batch): Promise<string[] | null> =>
      database
        .transaction((tx) => writeBatch(tx, batch, clock()), { deadlineMs, name: 'applying the file' })
        .catch((error: unknown) => {
          if (error === raced || isKeyTaken(error) || isAheadGone(error)) return null
          throw error
        }),
  }
}

const selected = `${selectionOf(authoredColumns, 'j')}, ${selectionOf(runtimeColumns, 'r')}, a.key as ahead_key`
const joined = 'from jobs j join job_runtime r on r.job_id = j.id left join jobs a on a.id = j.after_job'
const readRuntime = readerOf(runtimeColumns)

function keptOf(row: Row): KeptJob {
  return {
    authored: readAuthored(row),
    runtime: readRuntime(row),
    aheadKey: row['ahead_key'] as string | null,
  }
}

async function readKept(sql: Sql, { keys, tag }: { keys: string[]; tag: string | null }): Promise<KeptJob[]> {
  const rows: Row[] = await sql`
    select ${sql.unsafe(selected)} ${sql.unsafe(joined)}
    where j.id in (
      select id from jobs where key is not null and key in (select jsonb_array_elements_text(${sql.json(keys)}))
      union
      select id from jobs where key is not null and tags @> array[${tag}]::text[]
    )
    order by j.key`
  return rows.map(keptOf)
}

async function readKeyed(
  sql: Sql,
  { tag, limit }: { tag: string | null; limit: number },
): Promise<KeptJob[]> {
  const rows: Row[] = await sql`
    select ${sql.unsafe(selected)} ${sql.unsafe(joined)}
    where j.key is not null and ${tag === null ? sql`true` : sql`j.tags @> array[${tag}]::text[]`}
    order by j.key limit ${limit}`
  return rows.map(keptOf)
}
