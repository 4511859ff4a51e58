import { sql } from 'drizzle-orm'
import { bigint, customType, integer, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import { type Column, type Columns, snakeCase, type ValueOf } from '../src/columns/index.ts'

export const instant = (name: string) => timestamp(name, { withTimezone: true })
export const number = (name: string) => bigint(name, { mode: 'number' })
// The driver makes and reads JSON. drizzle's own jsonb would parse a text again, and read "5" as the number 5.
const json = customType<{ data: unknown }>({ dataType: () => 'jsonb' })

/** As drizzle types a column whose values are `T`. */
type Builder<T> = ReturnType<ReturnType<typeof customType<{ data: T }>>>
type BuilderOf<C> = C extends { nullable: true }
  ? Builder<Exclude<ValueOf<C>, null>>
  : ReturnType<Builder<ValueOf<C>>['notNull']>

/** Declared columns for a table of drizzle. */
export function tableColumns<C extends Columns>(columns: C): { [Key in keyof C]: BuilderOf<C[Key]> } {
  const built = Object.entries(columns).map(([key, column]) => [key, builderOf(snakeCase(key), column)])
  return Object.fromEntries(built) as { [Key in keyof C]: BuilderOf<C[Key]> }
}

const builders = {
  text,
  uuid,
  integer,
  bigint: number,
  timestamptz: instant,
  jsonb: (name: string) => json(name),
  'text[]': (name: string) => text(name).array(),
  'timestamptz[]': (name: string) => instant(name).array(),
} satisfies Record<Column['sql'], unknown>

function builderOf(name: string, column: Column) {
  if (column.identity) return number(name).notNull().generatedAlwaysAsIdentity()
  // every kind of builder has the methods that are called here
  const plain = builders[column.sql](name) as ReturnType<typeof text>
  const whole = column.nullable ? plain : plain.notNull()
  if (column.default === undefined) return whole
  if (typeof column.default === 'symbol') return whole.default(sql.raw(column.default.description ?? ''))
  return whole.default(column.default as string)
}
