import { type Column, type Columns, type RowOf, snakeCase } from '../src/columns/index.ts'

/** A row as the driver gives it. */
export type Row = Record<string, unknown>

/** Names in SQL, separated by commas. */
export function namesOf(columns: Columns): string {
  return Object.keys(columns).map(snakeCase).join(', ')
}

/** Names and types, as `jsonb_to_recordset` wants them. */
export function typedNamesOf(columns: Columns): string {
  const typed = Object.entries(columns).map(([key, { sql }]) => `${snakeCase(key)} ${sql}`)
  return typed.join(', ')
}

/** The columns of `table` as `readerOf` reads them. Arrays as JSON: the driver knows no array types. */
export function selectionOf(columns: Columns, table: string): string {
  const selected = Object.entries(columns).map(([key, { sql }]) => {
    const name = snakeCase(key)
    return sql.endsWith('[]') ? `to_jsonb(${table}.${name}) as ${name}` : `${table}.${name}`
  })
  return selected.join(', ')
}

/** The same as the members of a JSON object, for rows that are gathered in one value. */
export function membersOf(columns: Columns, table: string): string {
  const members = Object.keys(columns).map((key) => `'${snakeCase(key)}', ${table}.${snakeCase(key)}`)
  return members.join(', ')
}

/** Reads a row that `selectionOf` has selected, or an object of `membersOf`. */
export function readerOf<C extends Columns>(columns: C): (row: Row) => RowOf<C> {
  const readers = Object.entries(columns).map(
    ([key, column]) => [key, snakeCase(key), byType[column.sql] ?? asItIs] as const,
  )
  return (row) => {
    const read: Row = {}
    for (const [key, name, readValue] of readers) {
      const value = row[name]
      read[key] = value === null || value === undefined ? null : readValue(value)
    }
    return read as RowOf<C>
  }
}

/** Puts the values of a row into `target` by their names in SQL, to be sent as parameters or as JSON. */
export function valuesOf<C extends Columns>(columns: C, prefix = ''): (row: RowOf<C>, target?: Row) => Row {
  const names = Object.keys(columns).map((key) => [key, prefix + snakeCase(key)] as const)
  return (row, target = {}) => {
    for (const [key, name] of names) target[name] = row[key as keyof C]
    return target
  }
}

/** An instant as a column gives it (a Date) or as JSON does (text). */
export const date = (value: unknown): Date => (value instanceof Date ? value : new Date(value as string))
export const maybeDate = (value: unknown): Date | null =>
  value === null || value === undefined ? null : date(value)

const asItIs = (value: unknown) => value
const byType: Partial<Record<Column['sql'], (value: unknown) => unknown>> = {
  timestamptz: date,
  bigint: Number,
  'timestamptz[]': (values) => (values as unknown[]).map(date),
}
