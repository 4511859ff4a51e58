import type { Batch, KeptRow } from '../src/telemetry/index.ts'
import type { Database } from './client.ts'
import type { Row } from './columns.ts'
import type { Sql } from './look.ts'

/**
 * Adds what a process has counted. May be carried out twice: a row whose last addition has this id is left as it is, and
 * one that another process has written in between counts it again. In one order, so that no two processes wait for each other.
 */
export function addCounters(sql: Sql, { id, rows }: Batch) {
  return sql`
    insert into counters (name, labels, value, batch)
    select name, labels, value, ${id}::uuid
    from jsonb_to_recordset(${sql.json(rows)}) as one (name text, labels text, value double precision)
    order by name collate "C", labels collate "C"
    on conflict on constraint counters_pkey
    do update set value = counters.value + excluded.value, batch = excluded.batch
    where counters.batch <> excluded.batch`
}

/** No addition: a statement has the same text, whatever was counted. */
export const noBatch: Batch = { id: '00000000-0000-0000-0000-000000000000', rows: [] }

/** What all processes have counted. */
export type CounterStore = { read(): Promise<KeptRow[]> }

export function createCounterStore(database: Database): CounterStore {
  return { read: () => database.run(readCounters, { idempotent: true, name: 'reading counters' }) }
}

async function readCounters(sql: Sql): Promise<KeptRow[]> {
  const rows: Row[] = await sql`select name, labels, value from counters`
  return rows.map((row) => ({
    name: row['name'] as string,
    labels: row['labels'] as string,
    value: Number(row['value']),
  }))
}
