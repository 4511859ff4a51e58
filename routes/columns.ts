import {
  type Columns,
  givenColumns,
  type Having,
  having,
  type RowOf,
  type SnakeCase,
  snakeCase,
} from '../src/columns/index.ts'

/** A value as JSON has it. */
type Shown<T> = T extends Date ? string : T

/** What an answer shows of a row's columns as they are, by their names in JSON. */
export type ShownColumns<C> = {
  [Key in keyof Having<C, 'shown'> as SnakeCase<Key>]: Shown<RowOf<C>[Key & keyof C]>
}

export function shownBy<C extends Columns>(columns: C): (row: RowOf<Having<C, 'shown'>>) => ShownColumns<C> {
  const keys = Object.keys(having(columns, 'shown'))
  return (row) => {
    const shown = keys.map((key) => [snakeCase(key), shownValue((row as Record<string, unknown>)[key])])
    return Object.fromEntries(shown) as ShownColumns<C>
  }
}

function shownValue(value: unknown): unknown {
  return value instanceof Date ? value.toISOString() : (value ?? null)
}

type GivenColumns = typeof givenColumns
type Taken = { [Key in keyof GivenColumns]?: RowOf<GivenColumns>[Key] }
const keysByName = new Map(Object.keys(givenColumns).map((key) => [snakeCase(key), key]))

/** The fields of a job's body that are kept as they are given, by their keys in the code, and what else it has. */
export function splitGiven<Body extends object>(body: Body) {
  const given: Record<string, unknown> = {}
  const rest: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(body)) {
    const key = keysByName.get(name)
    if (key === undefined) rest[name] = value
    else given[key] = value
  }
  return { given: given as Taken, rest: rest as Omit<Body, SnakeCase<keyof GivenColumns>> }
}
