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

/** A value of the job of a statement about one, as the parameter that it travels in: what is read from no row costs none. */
export function parameterOf(typed: Typed, name: string): string {
  const at = typed.findIndex(([given]) => given === name)
  if (at < 0) throw new Error(`no parameter is named ${name}`)
  return `$${at + 2}::text::${typed[at]?.[1]}`
}

/** The job of a statement about one, as a plain parameter: `job_id` travels first. An engine that spreads the tables finds its node by it. */
export const jobParameter = '$2::text'

/** A statement about one job or about several: what travels into it, and its text for each. */
export type Shared = { typed: Typed; one: string; several: string }

/**
 * Carries it out for `rows`, which have a `job_id` each. Jobs are locked in the order of their ids, to avoid deadlocks.
 * `others`: parameters behind those of the rows.
 */
export async function carryOut(
  sql: Sql,
  shared: Shared,
  rows: Row[],
  now: Date | null,
  others: string[] = [],
): Promise<Row[]> {
  const ordered = rows.toSorted((a, b) => (String(a['job_id']) < String(b['job_id']) ? -1 : 1))
  const text = ordered.length === 1 ? shared.one : shared.several
  return send(sql, text, [...parametersOf(shared.typed, ordered, now), ...others])
}

/** The texts that each pool has sent, by its options. */
const sentBefore = new WeakMap<object, Set<string>>()

/**
 * Sends a statement whose parameters are all texts. postgres.js asks the server what they are before it sends them, a round
 * trip more wherever a connection has the statement for the first time. A machine that boots for a fire sends it once, so
 * the first one of a pool has its parameters written out.
 */
export async function send(sql: Sql, text: string, parameters: (string | null)[]): Promise<Row[]> {
  const isFirst = 'options' in sql && noteSent(sql.options, text)
  // a text with a NUL is refused as a parameter, and would end the statement
  const isWritable = isFirst && parameters.every((value) => !value?.includes('\0'))
  return isWritable
    ? sql.unsafe(writtenOut(text, parameters))
    : sql.unsafe(text, parameters, { prepare: true })
}

function noteSent(pool: object, text: string): boolean {
  const sent = sentBefore.get(pool) ?? new Set()
  sentBefore.set(pool, sent)
  if (sent.has(text)) return false
  sent.add(text)
  return true
}

/** As constants that mean the same whatever `standard_conforming_strings` is. */
function writtenOut(text: string, parameters: (string | null)[]): string {
  return text.replaceAll(/\$(\d+)/g, (_, n: string) => {
    const value = parameters[Number(n) - 1] ?? null
    return value === null ? 'null' : `E'${value.replaceAll(/['\\]/g, '$&$&')}'`
  })
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
