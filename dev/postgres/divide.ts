import { readFileSync } from 'node:fs'
import type postgres from 'postgres'

/** The tables that are spread by job_id; each of the others is small, or written by no fire, and is on every node. */
export const spreadTables = [
  ...['job_runtime', 'runs', 'attempt_logs', 'deliveries', 'arms'],
  ...['folded_slots', 'job_days', 'busy_days', 'job_history', 'orphans'],
]

/** db/distributed.sql: the keys for it. */
export const keysForSpreading = readFileSync(new URL('../../db/distributed.sql', import.meta.url), 'utf8')

/**
 * Divides these tables of a migrated database without rows by the hash of job_id, into so many partitions each: what an
 * engine that spreads them does, in plain PostgreSQL.
 */
export async function divide(sql: postgres.Sql, ways: number): Promise<void> {
  await sql.begin(async (tx) => {
    await tx.unsafe(keysForSpreading)
    const foreign = await foreignKeys(tx)
    for (const { table, name } of foreign) await tx.unsafe(`alter table ${table} drop constraint ${name}`)
    for (const table of spreadTables) await divideTable(tx, table, ways)
    for (const { table, name, text } of foreign)
      await tx.unsafe(`alter table ${table} add constraint ${name} ${text}`)
  })
}

type Named = { table: string; name: string; text: string }

const foreignKeys = (tx: postgres.TransactionSql) => tx<Named[]>`
  select conrelid::regclass::text as table, conname as name, pg_get_constraintdef(oid) as text from pg_constraint
  where contype = 'f' and (conrelid::regclass::text = any(string_to_array(${spreadTables.join()}, ','))
    or confrelid::regclass::text = any(string_to_array(${spreadTables.join()}, ',')))`

async function divideTable(tx: postgres.TransactionSql, table: string, ways: number): Promise<void> {
  const keys = await tx<Named[]>`
    select conname as name, pg_get_constraintdef(oid) as text from pg_constraint
    where conrelid = ${table}::regclass and contype in ('p', 'u')`
  const indexes = await tx<Pick<Named, 'text'>[]>`
    select pg_get_indexdef(indexrelid) as text from pg_index i
    where indrelid = ${table}::regclass and not exists (select from pg_constraint where conindid = i.indexrelid)`
  await tx.unsafe(`
    alter table ${table} rename to whole;
    create table ${table} (like whole including defaults including constraints including identity)
      partition by hash (job_id);
    drop table whole`)
  for (let n = 0; n < ways; n++)
    await tx.unsafe(
      `create table ${table}_p${n} partition of ${table} for values with (modulus ${ways}, remainder ${n})`,
    )
  for (const { name, text } of keys) await tx.unsafe(`alter table ${table} add constraint ${name} ${text}`)
  for (const { text } of indexes) await tx.unsafe(text.replace(' ON ONLY ', ' ON '))
}
