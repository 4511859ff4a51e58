import { runtimeColumns } from '../src/columns/index.ts'
import type { Runtime } from '../src/decisions/index.ts'
import { fieldRefused } from '../src/ground/errors.ts'
import type { Database, Sql } from './client.ts'
import { readerOf, type Row, selectionOf } from './columns.ts'
import { type Batch, lookPieces, raced, writeBatch } from './declared-write.ts'
import { fullOr, isAheadGone, isKeyTaken } from './jobs.ts'
import { type Authored, authoredColumns, type Look, readAuthored } from './rows.ts'

/** A job with a key. `aheadKey`: the key of the job that it follows; null: that has none, or it follows none. */
export type KeptJob = { authored: Authored; runtime: Runtime; aheadKey: string | null }

export type DeclaredStore = ReturnType<typeof createDeclaredStore>

/** For a thousand jobs; one job takes milliseconds. */
const deadlineMs = 30_000

/** What files of jobs need of Postgres; loaded with the first of them: those of one project. `clock`, if given, stands in for Postgres' own. */
export function createDeclaredStore(database: Database, clock: () => Date | null, project: string) {
  const reading = { idempotent: true, deadlineMs, name: 'reading the jobs of a file' }
  return {
    /** Those that have one of the keys, or (`tag` not null) any key and this tag; by key. */
    kept: ({ keys, tag }: { keys: string[]; tag: string | null }): Promise<KeptJob[]> =>
      database.run((sql) => readKept(sql, { project, keys, tag }), reading),

    /** Jobs that have a key (`tag` not null: and this tag), by key, `limit` at most. */
    keyed: ({ tag, limit }: { tag: string | null; limit: number }): Promise<KeptJob[]> =>
      database.run((sql) => readKeyed(sql, { project, tag, limit }), reading),

    /** How many jobs no file can name. */
    countUnkeyed: (): Promise<number> =>
      database.run(async (sql) => {
        const [row]: Row[] = await sql`
          select count(*)::int as n from jobs where key is null and project = ${project}`
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
          throw fullOr(error)
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

/** Of all jobs that are read at once; one may have more than 256 KiB, and V8 has 112 MB for everything (Dockerfile). */
const mostBytes = 4 * 1024 * 1024

type KeptWish = { project: string; keys: string[]; tag: string | null }

/** @throws AppError FIELD_INVALID: the jobs are too large to be read together */
async function readKept(sql: Sql, { project, keys, tag }: KeptWish): Promise<KeptJob[]> {
  const rows: Row[] = await sql`
    with found as (
      select j.id, sum(octet_length(j::text)) over (order by j.key) as bytes
      from jobs j
      where j.id in (
        select id from jobs where project = ${project} and key is not null and key in (select jsonb_array_elements_text(${sql.json(keys)}))
        union
        select id from jobs where project = ${project} and key is not null and tags @> array[${tag}]::text[]
      )
    )
    ${whole(sql)}`
  return keptOfAll(rows, 'jobs', 'Name fewer in one file; with `prune` all of its `owner` count.')
}

/** @throws AppError FIELD_INVALID: as `readKept` */
async function readKeyed(
  sql: Sql,
  { project, tag, limit }: { project: string; tag: string | null; limit: number },
): Promise<KeptJob[]> {
  const rows: Row[] = await sql`
    with found as (
      select j.id, sum(octet_length(j::text)) over (order by j.key) as bytes
      from (
        select * from jobs
        where project = ${project} and key is not null and ${tag === null ? sql`true` : sql`tags @> array[${tag}]::text[]`}
        order by key limit ${limit}
      ) j
    )
    ${whole(sql)}`
  return keptOfAll(rows, 'owner', 'Name an `owner` that has fewer.')
}

/** Up to the one with which they are too many bytes; the others are not sent. */
function whole(sql: Sql) {
  return sql`
    select ${sql.unsafe(selected)}, f.bytes ${sql.unsafe(joined)} join found f on f.id = j.id
    where f.bytes <= coalesce((select min(bytes) from found where bytes > ${mostBytes}), ${mostBytes})
    order by j.key`
}

function keptOfAll(rows: Row[], path: string, remedy: string): KeptJob[] {
  if (Number(rows.at(-1)?.['bytes'] ?? 0) <= mostBytes) return rows.map(keptOf)
  throw fieldRefused(path, `these jobs have more than ${mostBytes / 1024 / 1024} MiB together. ${remedy}`)
}
