import type postgres from 'postgres'
import { createTestDatabase } from '../../test/support/database.ts'

/**
 * `node dev/run.mjs dev/partitions/main.ts`: what it costs to let the oldest tenth of a table of runs go, by deletes in
 * steps and by a partition for each day, and what both cost while the rows are there (docs/decisions/history.md).
 */
const runs = 1_000_000
const days = 30
const jobs = 2_000
const goneDays = 3

type Sql = postgres.Sql

const database = await createTestDatabase()
try {
  const { sql } = database
  await sql`create table plain (like runs including all)`
  await sql`create table parted (like runs including defaults) partition by range (claimed_at)`
  for (const text of [
    'create unique index parted_slot on parted (job_id, slot, claimed_at)',
    'create unique index parted_id on parted (id, claimed_at)',
    'create index parted_job_seq on parted (job_id, seq)',
    'create index parted_newest on parted (seq, id)',
    'create index parted_ended on parted (finished_at) where finished_at is not null',
  ])
    await sql.unsafe(text)
  for (let day = 0; day < days + goneDays; day++)
    await sql.unsafe(`create table parted_${day} partition of parted
      for values from (timestamptz '2026-01-01' + ${day} * interval '1 day')
      to (timestamptz '2026-01-01' + ${day + 1} * interval '1 day')`)
  for (const table of ['plain', 'parted'] as const) await report(sql, table)
} finally {
  await database.drop()
}

async function report(sql: Sql, table: 'plain' | 'parted') {
  await insert(sql, table, 0, days)
  await sql.unsafe(`vacuum analyze ${table}`)
  const before = await sizeOf(sql, table)
  const one = await sql.unsafe<{ id: string; job_id: string }[]>(`select id, job_id from ${table} limit 1`)
  const { id, job_id: job } = one[0] as { id: string; job_id: string }
  const reads = {
    'by id': `select * from ${table} where id = '${id}'`,
    'newest of a job': `select * from ${table} where job_id = '${job}' order by seq desc, id desc limit 25`,
    newest: `select * from ${table} order by seq desc, id desc limit 25`,
    slot: `select * from ${table} where job_id = '${job}' and slot = '2026-01-05T00:00Z'`,
  }
  for (const [name, text] of Object.entries(reads)) line(table, name, await explained(sql, text))
  const letGo = table === 'plain' ? deleteOldest : dropOldest
  line(table, `a tenth of the rows goes`, await measured(sql, () => letGo(sql)))
  line(table, 'vacuum', await measured(sql, () => sql.unsafe(`vacuum ${table}`)))
  line(table, 'as many new ones', await measured(sql, () => insert(sql, table, days, goneDays)))
  line(table, 'size', `${before} MB before, ${await sizeOf(sql, table)} MB after`)
}

const line = (table: string, name: string, text: string) =>
  console.log(`${table.padEnd(7)} ${name.padEnd(26)} ${text}`)

async function insert(sql: Sql, table: string, from: number, count: number) {
  await sql.unsafe(`
    insert into ${table} (id, seq, job_id, slot, trigger, state, fence, attempt, claimed_at, started_at, finished_at, output)
    select gen_random_uuid(), extract(epoch from at) * 1000000, lpad(to_hex(n % ${jobs}), 12, '0'), at, 'fire', 'succeeded', n, 1,
      at, at, at, repeat('o', 200)
    from generate_series(0, ${(runs / days) * count - 1}::int) n, lateral (
      select timestamptz '2026-01-01' + ${from} * interval '1 day' + n * ${days * 86_400_000} / ${runs} * interval '1 ms' as at) t`)
}

async function deleteOldest(sql: Sql) {
  for (;;) {
    const gone = await sql`
      delete from plain where id in (
        select id from plain where claimed_at < timestamptz '2026-01-01' + ${goneDays} * interval '1 day' order by seq limit 500)
      returning 1`
    if (gone.length === 0) return
  }
}

async function dropOldest(sql: Sql) {
  for (let day = 0; day < goneDays; day++) await sql.unsafe(`drop table parted_${day}`)
}

async function measured(sql: Sql, work: () => Promise<unknown>): Promise<string> {
  const [start] = await sql<{ at: string }[]>`select pg_current_wal_insert_lsn()::text as at`
  const startedAt = performance.now()
  await work()
  const ms = Math.round(performance.now() - startedAt)
  const [row] = await sql<{ mb: number }[]>`
    select round(pg_wal_lsn_diff(pg_current_wal_insert_lsn(), ${start?.at as string}::text::pg_lsn) / 1e6)::int as mb`
  return `${ms} ms, ${row?.mb} MB of WAL`
}

type Explained = Record<string, number> & { Plan: Record<string, number> }

/** The pages are those that a cold read would fetch. */
async function explained(sql: Sql, text: string): Promise<string> {
  const plans: { planning: number; execution: number; pages: number }[] = []
  for (let n = 0; n < 7; n++) {
    const [row] = await sql.unsafe<{ 'QUERY PLAN': [Explained] }[]>(
      `explain (analyze, buffers, format json) ${text}`,
    )
    if (!row) throw new Error('nothing was explained')
    const [plan] = row['QUERY PLAN']
    const pages = (plan.Plan['Shared Hit Blocks'] ?? 0) + (plan.Plan['Shared Read Blocks'] ?? 0)
    plans.push({ planning: plan['Planning Time'] ?? 0, execution: plan['Execution Time'] ?? 0, pages })
  }
  const [, , , middle] = plans.toSorted((a, b) => a.planning - b.planning)
  return `planned in ${middle?.planning} ms, carried out in ${middle?.execution} ms, ${middle?.pages} pages`
}

async function sizeOf(sql: Sql, table: string): Promise<number> {
  const [row] = await sql<{ mb: number }[]>`
    select round(sum(pg_total_relation_size(c.oid)) / 1e6)::int as mb from pg_class c
    where c.relname = ${table} or c.oid in (select inhrelid from pg_inherits where inhparent = ${table}::text::regclass)`
  return row?.mb as number
}
