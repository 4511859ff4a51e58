import type { Sql } from './look.ts'
import { date, type Row } from './columns.ts'

/** How the timer service treats arms that were made before our answer to a fire (src/arming/confirm.ts). */
export const mannersFact = 'nas_manners'

/** A fact noted earlier by any process, and when; null: never. */
export async function readFact(sql: Sql, name: string): Promise<{ value: unknown; updatedAt: Date } | null> {
  const [row]: Row[] = await sql`select value, updated_at from facts where name = ${name}`
  return row ? { value: row['value'], updatedAt: date(row['updated_at']) } : null
}

/** Notes a fact; the last writer wins. */
export async function writeFact(sql: Sql, name: string, value: unknown, now: Date | null): Promise<void> {
  await sql`
    insert into facts (name, value, updated_at)
    values (${name}, ${sql.json(value as never)}, coalesce(${now}::timestamptz, clock_timestamp()))
    on conflict on constraint facts_pkey do update set value = excluded.value, updated_at = excluded.updated_at`
}

/**
 * Notes a fact if it still is `seen` (null: was never noted); false: another writer was faster. Of any number of callers
 * that have seen the same, one writes.
 */
export async function swapFact(
  sql: Sql,
  name: string,
  { seen, value }: { seen: unknown; value: unknown },
  now: Date | null,
): Promise<boolean> {
  const at = sql`coalesce(${now}::timestamptz, clock_timestamp())`
  const rows: Row[] =
    seen === null
      ? await sql`
          insert into facts (name, value, updated_at) values (${name}, ${sql.json(value as never)}, ${at})
          on conflict on constraint facts_pkey do nothing returning name`
      : await sql`
          update facts set value = ${sql.json(value as never)}, updated_at = ${at}
          where name = ${name} and value = ${sql.json(seen as never)}::jsonb returning name`
  return rows.length > 0
}
