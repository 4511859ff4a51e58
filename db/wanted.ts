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

/** The parameters for it. Texts, so that one statement is prepared whichever of them are null. */
export function parametersOf(
  typed: Typed,
  rows: Record<string, unknown>[],
  now: Date | null,
): (string | null)[] {
  const [row, ...others] = rows
  if (!row || others.length > 0) return [textOf(now), JSON.stringify(rows)]
  return [textOf(now), ...typed.map(([name, type]) => textOf(row[name], type))]
}

function textOf(value: unknown, type?: string): string | null {
  if (value === null || value === undefined) return null
  if (type === 'jsonb') return JSON.stringify(value)
  return value instanceof Date ? value.toISOString() : `${value as string | number | boolean}`
}
