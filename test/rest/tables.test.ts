import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { is } from 'drizzle-orm'
import { getTableConfig, PgTable } from 'drizzle-orm/pg-core'
import * as schema from '../../db/schema.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

// What drizzle believes and what the migrations leave, both as lines of text, so that a difference can be read.

let database: TestDatabase
before(async () => {
  database = await createTestDatabase()
})
after(() => database.drop())

const tables = Object.values<unknown>(schema)
  .filter((value): value is PgTable => is(value, PgTable))
  .map((table) => getTableConfig(table))
const names = tables.map(({ name }) => name)

test('the drizzle schema has the columns of a migrated database, with type, nullability and identity', async () => {
  const rows = await database.sql<{ line: string }[]>`
    select format('%s.%s %s%s%s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
      case when a.attnotnull then ' not null' else '' end,
      case when a.attidentity = 'a' then ' identity' else '' end) as line
    from pg_attribute a join pg_class c on c.oid = a.attrelid
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
      and c.relname = any (array(select jsonb_array_elements_text(${database.sql.json(names)})))`
  const declared = tables.flatMap(({ name, columns }) =>
    columns.map((column) => {
      const type = column.getSQLType()
      const nullable = column.notNull ? ' not null' : ''
      return `${name}.${column.name} ${type}${nullable}${column.generatedIdentity ? ' identity' : ''}`
    }),
  )
  assert.deepEqual(declared.toSorted(), rows.map(({ line }) => line).toSorted())
})

test('the drizzle schema has the defaults of a migrated database', async () => {
  const rows = await database.sql<{ line: string }[]>`
    select table_name || '.' || column_name as line from information_schema.columns
    where table_schema = 'public' and column_default is not null and table_name = any (array(select jsonb_array_elements_text(${database.sql.json(names)})))`
  const declared = tables.flatMap(({ name, columns }) =>
    columns.filter(({ hasDefault }) => hasDefault).map((column) => `${name}.${column.name}`),
  )
  const identities = tables.flatMap(({ name, columns }) =>
    columns.filter(({ generatedIdentity }) => generatedIdentity).map((column) => `${name}.${column.name}`),
  )
  const expected = [...rows.map(({ line }) => line), ...identities]
  assert.deepEqual([...new Set(declared)].toSorted(), expected.toSorted())
})
