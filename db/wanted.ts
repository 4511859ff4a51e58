import type { Row } from './columns.ts'
import type { Sql } from './client.ts'

/** What travels into a statement for each of its jobs: names and types in SQL. */
export type Typed = [name: string, type: string][]

/** So many jobs are moved by one statement at most; for more, its plan would read the whole table of a small service. */
export const movesMax = 16

/**
 * Where a statement has the values of its jobs from, as `x`: of one as parameters ($2 …), which costs Postgres least; of
 * several as one JSON document ($2). $1 is the clock.
 */
export function sourcesOf(typed: Typed): { one: string; several: string } {
  const parameters = typed.map(([name, type], n) => `$${n + 2}::text::${type} as ${name}`)
  const record = typed.map(([name, type]) => `${name} ${type}`)
  return {
    one: `(select ${parameters.join(', ')}) x`,
    several: `jsonb_to_recordset($2::text::jsonb) as x(${record.join(', ')}) limit ${movesMax}`,
  }
}

/** The job of a statement about one, as a plain parameter: `job_id` travels first. An engine that spreads the tables finds its node by it. */
export const jobParameter = '$2::text'

/** A statement about one job or about several: what travels into it, and its text for each. */
export type Shared = { typed: Typed; one: string; several: string }

/** Carries it out for `rows`, which have a `job_id` each. Jobs are locked in the order of their ids, to avoid deadlocks. */
export async function carryOut(sql: Sql, shared: Shared, rows: Row[], now: Date | null): Promise<Row[]> {
  const ordered = rows.toSorted((a, b) => (String(a['job_id']) < String(b['job_id']) ? -1 : 1))
  const text = ordered.length === 1 ? shared.one : shared.several
  return sql.unsafe(text, parametersOf(shared.typed, ordered, now), { prepare: true })
}

/** The parameters for it. Texts, so that one statement is prepared whichever of them are null. */
export function parametersOf(typed: Typed, rows: Row[], now: Date | null): (string | null)[] {
  const [row, ...others] = rows
  if (!row || others.length > 0) return [textOf(now), JSON.stringify(rows)]
  return [textOf(now), ...typed.map(([name, type]) => textOf(row[name], type))]
}

function textOf(value: unknown, type?: string): string | null {
  if (value === null || value === undefined) return null
  if (type === 'jsonb') return JSON.stringify(value)
  return value instanceof Date ? value.toISOString() : `${value as string | number | boolean}`
}
