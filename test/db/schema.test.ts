import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, test } from 'node:test'
import { dumpSchema } from '../../dev/postgres/schema-text.ts'
import { createTestDatabase } from '../support/database.ts'

const database = await createTestDatabase()
after(() => database.drop())

test('db/schema.sql is what the migrations make', async () => {
  const committed = await readFile(new URL('../../db/schema.sql', import.meta.url), 'utf8')
  const fresh = await dumpSchema(database.sql)
  assert.equal(
    committed,
    fresh,
    'db/schema.sql is out of date; write it again: node dev/run.mjs dev/postgres/dump.ts',
  )
})

test('every constraint and index has a name that someone chose', async () => {
  const names = await database.sql<{ name: string }[]>`
    select conname as name from pg_constraint
    where connamespace = 'public'::regnamespace and contype <> 'n'
    union select indexname from pg_indexes where schemaname = 'public'`
  const invented = names.filter(({ name }) => /_(check\d*|key\d*|idx\d*)$/.test(name))
  assert.deepEqual(invented, [])
})

test('a dump tells a column, a default, a check, an index, a function, a trigger and a comment from their absence', async () => {
  const { sql } = database
  const before = await dumpSchema(sql)
  for (const change of [
    `create table "odd name" (id integer)`,
    `alter table "odd name" add column at timestamptz not null default now()`,
    `alter table "odd name" add constraint id_positive check (id > 0)`,
    `create unique index odd_id on "odd name" (id) where id > 5`,
    `create function odd() returns trigger language plpgsql as 'begin return new; end'`,
    `create or replace function odd() returns trigger language plpgsql as 'begin return null; end'`,
    `create trigger odd before insert on "odd name" for each row execute function odd()`,
    `comment on column "odd name".id is 'it''s odd'`,
    `comment on table "odd name" is 'odd'`,
  ]) {
    const old = await dumpSchema(sql)
    await sql.unsafe(change)
    assert.notEqual(await dumpSchema(sql), old, change)
  }
  await sql`drop table "odd name"`
  await sql`drop function odd`
  assert.equal(await dumpSchema(sql), before)
})
