import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import {
  blankOf,
  type Column,
  type Columns,
  jobColumns,
  readyColumns,
  registryColumns,
  runColumns,
  runtimeColumns,
  snakeCase,
} from '../../src/columns/index.ts'
import { createTestDatabase } from '../support/database.ts'

// The declarations of src/columns and what the migrations leave, both as lines of text, so that a difference can be read.

const database = await createTestDatabase()
after(() => database.drop())

const tables: Record<string, Columns> = {
  jobs: jobColumns,
  job_runtime: {
    jobId: { sql: 'text', set: 'statement' },
    ...runtimeColumns,
    ...readyColumns,
    ...registryColumns,
  },
  runs: runColumns,
}

for (const [table, columns] of Object.entries(tables)) {
  test(`the columns of ${table} are declared as a migrated database has them`, async () => {
    const rows = await database.sql<{ line: string }[]>`
      select concat_ws(' ', a.attname, format_type(a.atttypid, null), case when a.attnotnull then 'not null' end,
        case when a.attidentity = 'a' then 'identity' end, 'default ' || pg_get_expr(d.adbin, d.adrelid)) as line
      from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
      where a.attrelid = ${table}::regclass and a.attnum > 0 and not a.attisdropped`
    const declared = Object.entries(columns).map(([key, column]) => lineOf(snakeCase(key), column))
    assert.deepEqual(declared.toSorted(), rows.map(({ line }) => line).toSorted())
  })
}

function lineOf(name: string, column: Column): string {
  const type = column.sql.replace('timestamptz', 'timestamp with time zone')
  const parts = [name, type, !column.nullable && 'not null', column.identity && 'identity']
  if (column.default !== undefined) parts.push(`default ${defaultOf(column, type)}`)
  return parts.filter(Boolean).join(' ')
}

/** As pg_get_expr writes it. */
function defaultOf({ default: value, sql }: Column, type: string): string {
  if (typeof value === 'symbol') return value.description ?? ''
  if (typeof value === 'number') return String(value)
  if (sql === 'jsonb') return `'${JSON.stringify(value)}'::jsonb`
  return Array.isArray(value) ? `'{}'::${type}` : `'${value as string}'::${type}`
}

test('what is known of a row that gives nothing is what Postgres makes of it', async () => {
  const { sql } = database
  const id = 'ab12cd34ef56'
  await sql`
    insert into jobs (id, name, schedule, timezone, anchor, action)
    values (${id}, 'a job', '{"kind":"cron"}', 'UTC', now(), '{"type":"none"}')`
  await sql`insert into job_runtime (job_id) values (${id})`
  await sql`
    insert into runs (id, job_id, trigger, state, fence)
    values (gen_random_uuid(), ${id}, 'manual', 'claimed', 0)`
  for (const [table, columns] of Object.entries(tables)) {
    const blank = Object.entries(blankOf(columns)).map(([key, value]) => [snakeCase(key), value])
    const [row] = await sql<
      { row: Record<string, unknown> }[]
    >`select to_jsonb(t) as row from ${sql(table)} t`
    const made = blank.map(([name]) => [name, row?.row[name as string]])
    assert.deepEqual(blank, made, table)
  }
})
