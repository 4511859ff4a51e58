import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jwtVerify } from 'jose/jwt/verify'
import type postgres from 'postgres'
import { fireKey } from '../../src/timers/pg/key.ts'
import { createTokenCheck } from '../../src/timers/pg/token.ts'
import { until } from '../support/until.ts'
import { after, fireUrl, setUpDatabase, startsAt } from './pg-setup.ts'

// The function that pg_cron calls, on a real PostgreSQL; `net.http_post` is the stand-in's queue.

const [one, other] = ['aaaaaaaaaaaa', 'bbbbbbbbbbbb']

test('a job is called once it is due: its id and instant, to the fire route, with a token that jose and we accept', async (t) => {
  const { sql, encryptionKey, client, wake } = await setUpDatabase(t)
  assert.deepEqual(await client().list(), { ok: true, value: null })
  await wake(one, after(60))
  await wake(other, after(61))
  await sql`select chronos_look(${after(59)})`
  assert.deepEqual([...(await sql`select from net.http_request_queue`)], [])
  await sql`select chronos_look(${after(60.5)})`
  const queued = await sql`
    select method, url, headers, convert_from(body, 'UTF8') as body, timeout_milliseconds as timeout from net.http_request_queue`
  assert.equal(queued.length, 1)
  const { method, url, headers, body, timeout } = queued[0] ?? {}
  assert.deepEqual([method, url, timeout], ['POST', fireUrl, 30_000], 'a machine has time to boot')
  assert.deepEqual(JSON.parse(body as string), { job_id: one, fire_at: '2026-06-18T08:01:00+00:00' })

  const { Authorization: authorization } = headers as { Authorization: string }
  const { payload } = await jwtVerify(authorization.slice('Bearer '.length), fireKey(encryptionKey), {
    ...{ algorithms: ['HS256'], audience: fireUrl, issuer: 'chronos-postgres' },
  })
  assert.equal(payload['purpose'], 'cron_fire')
  assert.equal(Number(payload.exp) - Number(payload.iat), 300)
  createTokenCheck({ fireUrl, encryptionKeys: [encryptionKey] })(authorization)
})

const calledAtBy = {
  5: [0, 10, 30, 70, 150, 310, 600, 1200, 1800],
  60: [0, 60, 120, 180, 360, 600, 1200, 1800],
}

for (const [everyS, expected] of Object.entries(calledAtBy))
  test(`a job that nobody takes is called again with growing gaps of ten minutes at most, by looks each ${everyS} s`, async (t) => {
    const { client, wake, look } = await setUpDatabase(t)
    await client().list()
    await wake(one, startsAt)
    const calledAt: number[] = []
    for (let second = 0; second <= 1_800; second += Number(everyS))
      if ((await look(after(second))).length > 0) calledAt.push(second)
    assert.deepEqual(calledAt, expected)
  })

test('a job that was taken is called at its next instant, however soon that is', async (t) => {
  const { client, wake, look } = await setUpDatabase(t)
  await client().list()
  await wake(one, startsAt)
  assert.deepEqual(await look(after(1)), [one])
  assert.deepEqual(await look(after(6)), [])
  await wake(one, after(5), after(7))
  assert.deepEqual(await look(after(11)), [one])
  await wake(one, after(100), after(12))
  assert.deepEqual(await look(after(16)), [])
})

test('a look that fails has called nobody, and the next one calls', async (t) => {
  const { sql, client, wake, look } = await setUpDatabase(t)
  await client().list()
  await wake(one, startsAt)
  await sql`alter table net.http_request_queue rename to hidden`
  await assert.rejects(look(after(1)), /http_request_queue/)
  await sql`alter table net.hidden rename to http_request_queue`
  assert.deepEqual(await look(after(2)), [one])
})

test('two looks at one time call once', async (t) => {
  const { sql, db, client, wake } = await setUpDatabase(t)
  await client().list()
  await wake(one, startsAt)
  const look = (from: postgres.Sql) => from<{ calls: number }[]>`select chronos_look(${after(1)}) as calls`
  let second: Promise<postgres.Row[]> = Promise.resolve([])
  const first = await sql.begin(async (tx) => {
    const [row] = await look(tx as unknown as postgres.Sql)
    second = look(sql).execute()
    // it waits for the first one to end
    await until('the second look waits', async () => {
      const waiting = await db.run(
        (watch) => watch`
        select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      )
      return waiting.length > 0 || null
    })
    return row
  })
  assert.deepEqual([first?.calls, (await second)[0]?.['calls']], [1, 0])
})

test('a look at 20,000 jobs of which none is due reads one page of an index and writes nothing', async (t) => {
  const { sql, client, look } = await setUpDatabase(t)
  await client().list()
  await sql.unsafe(`
    insert into jobs (id, name, schedule, timezone, anchor, action)
    select lpad(to_hex(i), 12, '0'), 'a job', '{"kind": "cron"}', 'UTC', now(), '{"type": "http"}' from generate_series(1, 20000) i;
    insert into job_runtime (job_id, wake_at)
    select lpad(to_hex(i), 12, '0'), '2026-06-19'::timestamptz + i * interval '1 s' from generate_series(20000, 1, -1) i;
    analyze job_runtime`)
  const plan =
    await sql`explain (format json, analyze, buffers) select exists (select from job_runtime where wake_at <= ${startsAt})`
  const text = JSON.stringify(plan)
  assert.match(text, /"Index Name":"job_runtime_wake"/)
  const [before] = await sql`select xmin::text from chronos_timer`
  assert.deepEqual(await look(startsAt), [])
  assert.deepEqual((await sql`select xmin::text from chronos_timer`)[0], before)

  const called = await look(new Date('2026-06-19T12:00:00Z'))
  const idOf = (second: number) => second.toString(16).padStart(12, '0')
  assert.deepEqual([called[0], called.length, called.at(-1)], [idOf(1), 10_000, idOf(10_000)], 'the earliest')
})

test('a look finds everything by itself, whatever search_path pg_cron gives it', async (t) => {
  const { sql, client, wake } = await setUpDatabase(t)
  await client().list()
  await wake(one, startsAt)
  const [row] = await sql.begin(async (tx) => {
    await tx`set local search_path to ''`
    return tx<{ calls: number }[]>`select public.chronos_look(${after(1)}) as calls`
  })
  assert.equal(row?.calls, 1)
})

test('two services in one database, in a schema each, have a row and a function each', async (t) => {
  const { sql, client, cronJobs, wake } = await setUpDatabase(t)
  await sql.unsafe(
    `create schema "Odd one"; create table "Odd one".job_runtime (like public.job_runtime including all)`,
  )
  const inSchema = (text: string) =>
    sql.begin(async (tx) => {
      await tx`set local search_path to "Odd one"`
      return [...(await tx.unsafe(text))]
    })
  for (const each of [client(), client(`${fireUrl}/odd`, inSchema), client()])
    assert.deepEqual(await each.list(), { ok: true, value: null })
  const commands = (await cronJobs()).map(({ jobname, command }) => [jobname, command])
  const expected = [
    ['chronos.public', 'select public.chronos_look()'],
    ['chronos.Odd one', 'select "Odd one".chronos_look()'],
  ]
  assert.deepEqual(commands, expected)
  await wake(one, startsAt)
  for (const [, command] of expected) await sql.unsafe(command ?? '')
  const queued = await sql`select url from net.http_request_queue`
  assert.deepEqual([...queued], [{ url: fireUrl }], 'each looks at its own jobs')
})

test('a role that may read every table sees no key and calls nobody', async (t) => {
  const { sql, client, wake } = await setUpDatabase(t)
  await client().list()
  await wake(one, startsAt)
  await sql.begin(async (tx) => {
    await tx`create role chronos_reader`
    await tx`grant usage on schema public, net to chronos_reader`
    await tx`grant all on all tables in schema public to chronos_reader`
    await tx`set local role chronos_reader`
    assert.deepEqual([...(await tx`select * from chronos_timer`)], [])
    await assert.rejects(
      tx.savepoint((sp) => sp`select chronos_look()`),
      /query returned no rows/,
    )
    await tx`reset role`
    await tx`drop owned by chronos_reader`
    await tx`drop role chronos_reader`
  })
  const [{ shown } = {}] = await sql`select string_agg(j::text, '') as shown from cron.job j`
  const [{ key } = {}] = await sql`select encode(inner_key, 'hex') as key from chronos_timer`
  assert.ok(!String(shown).includes(String(key)))
})
