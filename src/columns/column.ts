/** The type of a value in Postgres and in the code. */
type Values = {
  text: string
  uuid: string
  integer: number
  bigint: number
  timestamptz: Date
  jsonb: unknown
  'text[]': string[]
  'timestamptz[]': Date[]
}
export type SqlType = keyof Values

declare const type: unique symbol
type Is<T> = { readonly [type]?: T }

/** A narrower type than that of `sql`, for the compiler alone. */
export const is = <T>(): Is<T> => ({})

/** The default of Postgres' own clock, at the write. */
export const clock = Symbol('clock_timestamp()')
/** The default of the same clock as a number, in microseconds: an order of rows. */
export const clockMicros = Symbol('((EXTRACT(epoch FROM clock_timestamp()) * (1000000)::numeric))::bigint')

/**
 * One column, declared once. Its name in SQL and in JSON is its key in snake case. Everything that reads, writes or
 * shows the column derives from here: the look, the statements, drizzle's tables, the lists, the answers and their
 * schemas. test/db/columns.test.ts compares the declarations with a migrated database.
 */
export type Column = {
  readonly sql: SqlType
  readonly is?: Is<unknown>
  /** The only values that there are, of a text. */
  readonly oneOf?: readonly string[]
  readonly nullable?: true
  /** In a row that does not give the value. */
  readonly default?:
    | string
    | number
    | readonly never[]
    | { readonly [name: string]: never }
    | typeof clock
    | typeof clockMicros
  readonly identity?: true
  /**
   * How it is written. `once`: when the row is made. `always`: by every write of the row. `outcome`: by the write of an
   * attempt's outcome; a write that has no value keeps the former one. `statement`: by the SQL of a statement itself.
   */
  readonly set: 'once' | 'always' | 'outcome' | 'statement'
  /** Part of every look at the job (in a table of which not every column is). */
  readonly look?: true
  /** Part of the answers that show the job or the run, as it is; `description` is for OpenAPI. */
  readonly shown?: { readonly description?: string }
  /** The input of a client for it, in a new job and in a change. Without it: null, if the column may be null, or its default. */
  readonly given?: Given
}

export type Given = {
  readonly description?: string
  /** Of a text, or of each text of a list. */
  readonly maxLength?: number
  /** Of a text. */
  readonly pattern?: string
  /** The rule of the pattern, for "must be …" in messages. */
  readonly 'x-expected'?: string
  /** Of a list. */
  readonly maxItems?: number
  /** Of a number, inclusive. */
  readonly minimum?: number
  readonly maximum?: number
}

export type Columns = { readonly [key: string]: Column }

type Plain<C> = C extends { oneOf: readonly (infer Word)[] }
  ? Word
  : C extends { is: Is<infer T> }
    ? T
    : C extends { sql: infer S extends SqlType }
      ? Values[S]
      : never
export type ValueOf<C> = Plain<C> | (C extends { nullable: true } ? null : never)

/** A row, as the code has it. */
export type RowOf<C> = { -readonly [Key in keyof C]: ValueOf<C[Key]> }

/** The columns that have a property of the declaration, with one of these values. */
export type Having<C, Property extends keyof Column, Value = unknown> = {
  [Key in keyof C as C[Key] extends { [P in Property]: Value } ? Key : never]: C[Key]
}

export function having<C extends Columns, P extends keyof Column, const V extends Column[P]>(
  columns: C,
  property: P,
  ...values: V[]
): Having<C, P, [V] extends [never] ? unknown : V> {
  const found = Object.entries(columns).filter(([, column]) =>
    values.length === 0 ? column[property] !== undefined : values.includes(column[property] as V),
  )
  return Object.fromEntries(found) as Having<C, P, [V] extends [never] ? unknown : V>
}

/** The columns whose value in a row that gives none is known: null, or a default that is not a clock. */
type Blank<C> = {
  [Key in keyof C as C[Key] extends { nullable: true } | { default: string | number | object }
    ? Key
    : never]: C[Key]
}

/** The value in a row that sets none. */
export function blankOf<C extends Columns>(columns: C): RowOf<Blank<C>> {
  const known = Object.entries(columns).filter(
    ([, column]) => column.nullable || (column.default !== undefined && typeof column.default !== 'symbol'),
  )
  return Object.fromEntries(known.map(([key, column]) => [key, column.default ?? null])) as RowOf<Blank<C>>
}

/** `value` with the members alone that are named as the columns are. */
export function pick<C extends Columns, T extends { [Key in keyof C]: unknown }>(
  columns: C,
  value: T,
): Pick<T, keyof C> {
  const picked: { [key: string]: unknown } = {}
  for (const key in columns) picked[key] = value[key]
  return picked as Pick<T, keyof C>
}

export type SnakeCase<S> = S extends `${infer First}${infer Rest}`
  ? `${First extends Lowercase<First> ? First : `_${Lowercase<First>}`}${SnakeCase<Rest>}`
  : S

/** The name in SQL and JSON of the field `key`. */
export function snakeCase<Key extends string>(key: Key): SnakeCase<Key> {
  return key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) as SnakeCase<Key>
}
