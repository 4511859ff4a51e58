import Type, { type TSchema } from 'typebox'
import {
  type Column,
  type Columns,
  type Having,
  having,
  snakeCase,
  type SnakeCase,
  type ValueOf,
} from '../../src/columns/index.ts'
import { distinct, line, orNull } from './fields.ts'

/** Schemas of the columns that an answer shows as they are. `special`: of those that their type does not describe. */
export function shownSchemas<C extends Columns>(
  columns: C,
  special: { [name: string]: TSchema } = {},
): { [Key in keyof Having<C, 'shown'> as SnakeCase<Key>]: TSchema } {
  const schemas = Object.entries(having(columns, 'shown')).map(([key, column]) => {
    const name = snakeCase(key)
    return [name, special[name] ?? shownSchema(column as Column)]
  })
  return Object.fromEntries(schemas) as { [Key in keyof Having<C, 'shown'> as SnakeCase<Key>]: TSchema }
}

function shownSchema({ sql, nullable, oneOf, shown = {} }: Column): TSchema {
  if (oneOf && nullable) return Type.Unsafe({ enum: [...oneOf, null], ...shown })
  if (oneOf) return Type.Enum([...oneOf], shown)
  return (nullable ? nullableSchemas : plainSchemas)[sql](shown)
}

type Options = { [name: string]: unknown }
type ByType = Record<Column['sql'], (options: Options) => TSchema>
const format = 'date-time'
const texts = (options: Options) => Type.Array(Type.String(), options)
const instants = (options: Options) => Type.Array(Type.String({ format }), options)

const plainSchemas: ByType = {
  text: (options) => Type.String(options),
  uuid: (options) => Type.String(options),
  integer: (options) => Type.Integer(options),
  bigint: (options) => Type.Integer(options),
  timestamptz: (options) => Type.String({ format, ...options }),
  jsonb: (options) => Type.Unknown(options),
  'text[]': texts,
  'timestamptz[]': instants,
}
const nullableSchemas: ByType = {
  text: (options) => orNull('string', options),
  uuid: (options) => orNull('string', options),
  integer: (options) => orNull('integer', options),
  bigint: (options) => orNull('integer', options),
  timestamptz: (options) => orNull('string', { format, ...options }),
  jsonb: (options) => Type.Unknown(options),
  'text[]': (options) => Type.Union([texts(options), Type.Null()]),
  'timestamptz[]': (options) => Type.Union([instants(options), Type.Null()]),
}

/** Schemas of the columns that a client may give as they are kept. */
export function givenSchemas<C extends Columns>(columns: C) {
  const schemas = Object.entries(having(columns, 'given')).map(([key, column]) => [
    snakeCase(key),
    givenSchema(column as Column),
  ])
  return Object.fromEntries(schemas) as {
    [Key in keyof Having<C, 'given'> as SnakeCase<Key>]: Type.TUnsafe<ValueOf<C[Key & keyof C]>>
  }
}

function givenSchema({ sql, nullable, given = {} }: Column): TSchema {
  const { maxLength = 1, maxItems = 1, ...options } = given
  if (sql === 'text[]') return distinct(line(maxLength), { maxItems, ...options })
  const limits = sql === 'text' ? { maxLength, ...options } : options
  return (nullable ? nullableSchemas : plainSchemas)[sql](limits)
}
