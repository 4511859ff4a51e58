import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { until } from '../support/until.ts'
import { fireUrl, setUpDatabase, startsAt } from './pg-setup.ts'

const wish = { jobId: 'aaaaaaaaaaaa', gen: 1, fireAt: startsAt, callbackUrl: 'https://app.example' }
const row = { jobname: 'chronos.public', command: 'select public.chronos_look()', active: true }

test('the first arm sets Postgres up, and one that finds its row changes nothing', async (t) => {
  const { client, cronJobs, sql } = await setUpDatabase(t)
  const { arm } = client()
  const armed = { ok: true, value: { scheduleId: null } }
  assert.deepEqual(await Promise.all([arm(wish), arm(wish)]), [armed, armed])
  assert.deepEqual(await cronJobs(), [{ ...row, schedule: '5 seconds' }])
  const state = () => sql`select t.xmin::text as timer, j.xmin::text as job from chronos_timer t, cron.job j`
  const before = [...(await state())]
  assert.deepEqual(await arm(wish), armed)
  assert.deepEqual([...(await state())], before)
})

for (const refusal of ['internal_error', 'invalid_parameter_value'])
  test(`a pg_cron that knows no seconds (${refusal}) looks each minute, and the log says so`, async (t) => {
    const { sql, client, cronJobs, lines } = await setUpDatabase(t, { version: '1.4' })
    const [{ definition } = {}] = await sql`
      select replace(pg_get_functiondef('cron.schedule'::regproc), 'internal_error', ${refusal}) as definition`
    await sql.unsafe(definition as string)
    assert.equal((await client().list()).ok, true)
    assert.deepEqual(await cronJobs(), [{ ...row, schedule: '* * * * *' }])
    assert.match(lines.join(), /up to a minute late/)
  })

test('a pg_cron that knows seconds is warned of nothing', async (t) => {
  const { client, lines } = await setUpDatabase(t)
  await client().list()
  assert.deepEqual(lines, ['pg_cron looks for due jobs'])
})

test('a row that is gone or switched off is made again by the next arm', async (t) => {
  const { client, cronJobs, sql } = await setUpDatabase(t)
  await client().arm(wish)
  for (const harm of [
    'delete from cron.job',
    'update cron.job set active = false',
    "update cron.job set database = 'elsewhere'",
    'drop table chronos_timer cascade',
  ]) {
    await sql.unsafe(harm)
    assert.equal((await client().arm(wish)).ok, true, harm)
    assert.deepEqual(await cronJobs(), [{ ...row, schedule: '5 seconds' }], harm)
    assert.equal((await sql`select from chronos_timer`).length, 1)
  }
})

test('a row of another service proves nothing, and is left alone', async (t) => {
  const { client, cronJobs, sql } = await setUpDatabase(t)
  await client().arm(wish)
  await sql`update cron.job set jobname = 'of another service', command = 'select 1'`
  assert.equal((await client().arm(wish)).ok, true)
  const names = (await cronJobs()).map(({ jobname }) => jobname)
  assert.deepEqual(names, ['of another service', 'chronos.public'])
})

test('a row whose last look failed arms nothing, until a look succeeds', async (t) => {
  const { client, sql, timer, wake } = await setUpDatabase(t)
  await client().list()
  await wake('aaaaaaaaaaaa', startsAt)
  await sql`alter table net.http_request_queue rename to hidden`
  await timer.runCommands()
  const answer = await client().arm(wish)
  assert.ok(!answer.ok)
  assert.deepEqual([answer.kind, answer.code], ['transient', 'PG_LOOK_FAILED'])
  assert.match(answer.message, /"net.http_request_queue" does not exist/)
  await sql`insert into cron.job_run_details (jobid, status) select jobid, 'running' from cron.job`
  await sql`update cron.job_run_details set return_message = repeat('x', 5000) where status = 'failed'`
  const next = await client().arm(wish)
  assert.ok(!next.ok, 'a look that goes on proves nothing')
  assert.ok(next.message.length < 300)
  await sql`alter table net.hidden rename to http_request_queue`
  await timer.runCommands()
  assert.equal((await client().arm(wish)).ok, true)
})

test('a boot brings the address up to date, and an arm of a process from before does not undo it', async (t) => {
  const { client, sql } = await setUpDatabase(t)
  const url = async () => (await sql`select fire_url from chronos_timer`)[0]?.['fire_url']
  const [old, young] = [client("https://o'ld.example/\\/api/cron/fire"), client()]
  await old.list()
  assert.equal(await url(), "https://o'ld.example/\\/api/cron/fire")
  await young.list()
  await old.arm(wish)
  assert.equal(await url(), fireUrl)
  const state = () => sql`select t.xmin::text as timer, j.xmin::text as job from chronos_timer t, cron.job j`
  const before = [...(await state())]
  await young.list()
  assert.deepEqual([...(await state())], before, 'the next boot finds it as it should be')
})

test('a boot with another key brings that up to date, and neither opens a seal', async (t) => {
  const { client, sql, encryptionKey } = await setUpDatabase(t)
  const keys = async () => {
    const [held] = await sql<{ inner_key: Buffer; outer_key: Buffer }[]>`select * from chronos_timer`
    const of = (half: Buffer | undefined, pad: number) =>
      Buffer.from((half ?? Buffer.alloc(0)).map((byte) => byte ^ pad)).toString('hex')
    return [of(held?.inner_key, 0x36), of(held?.outer_key, 0x5c)]
  }
  const derived = (secret: Buffer) =>
    createHmac('sha256', secret).update('chronos timer in postgres').digest('hex').padEnd(128, '0')
  const next = randomBytes(32)
  for (const secret of [encryptionKey, next]) {
    await client(fireUrl, undefined, secret).list()
    assert.deepEqual(await keys(), [derived(secret), derived(secret)])
  }
})

test('a service that sets Postgres up waits for another one that is at it', async (t) => {
  const { client, sql } = await setUpDatabase(t)
  let second: Promise<unknown> = Promise.resolve()
  await sql.begin(async (tx) => {
    await tx`select pg_advisory_xact_lock(4927146804)`
    second = client().arm(wish)
    await until('it waits', async () => {
      const waiting = await tx`
        select from pg_locks where locktype = 'advisory' and not granted
          and database = (select oid from pg_database where datname = current_database())`
      return waiting.length > 0 || null
    })
  })
  assert.deepEqual(await second, { ok: true, value: { scheduleId: null } })
})

test('looks of more than a day ago are forgotten at a boot, those of other jobs are kept', async (t) => {
  const { client, sql } = await setUpDatabase(t)
  await client().list()
  await sql`
    insert into cron.job_run_details (jobid, end_time)
    select jobid, now() - age from cron.job, unnest(array['25 hours', '23 hours']::interval[]) age
    union all select 999, now() - interval '1 year'`
  await client().list()
  const kept =
    await sql`select jobid::int, end_time > now() - interval '1 day' as is_new from cron.job_run_details order by 1 desc`
  assert.deepEqual(
    kept.map(({ is_new }) => is_new),
    [false, true],
  )
})

const lacks = {
  PG_NO_CRON: { harm: 'drop schema cron cascade', says: /create extension pg_cron/ },
  PG_NO_NET: { harm: 'drop schema net cascade', says: /create extension pg_net/ },
}

for (const [code, { harm, says }] of Object.entries(lacks))
  test(`${code} says what to do, once, and ends the calls`, async (t) => {
    const { client, sql, lines } = await setUpDatabase(t)
    await sql.unsafe(harm)
    const { arm, list, refusal, session } = client()
    for (const answer of [await list(), await arm(wish)]) {
      assert.ok(!answer.ok && answer.kind === 'refused')
      assert.equal(answer.code, code)
      assert.match(answer.message, says)
    }
    assert.equal(lines.length, 1)
    assert.deepEqual([refusal()?.code, session()], [code, 'terminal'])
  })

test('pg_cron in another database is named', async (t) => {
  const { client, sql } = await setUpDatabase(t)
  await sql.unsafe('drop schema cron cascade')
  const elsewhere = async (text: string) =>
    sql.begin(async (tx) => {
      await tx`select set_config('cron.database_name', 'elsewhere', true)`
      return [...(await tx.unsafe(text))]
    })
  const answer = await client(fireUrl, elsewhere).list()
  assert.match(answer.ok ? '' : answer.message, /works in the database elsewhere/)
})

const forbidden: Record<string, { harm: (role: string) => string; says: RegExp }> = {
  'use cron': {
    harm: (role) => `revoke usage on schema cron from ${role}, public`,
    says: /grant usage on schema cron to limited_/,
  },
  'use net': {
    harm: (role) => `revoke usage on schema net from ${role}, public`,
    says: /grant usage on schema net to limited_/,
  },
  'call functions of cron': {
    harm: () => 'revoke execute on all functions in schema cron from public',
    says: /grant execute on all functions in schema cron to limited_/,
  },
  'call functions of net': {
    harm: () => 'revoke execute on all functions in schema net from public',
    says: /grant execute on all functions in schema net to limited_/,
  },
  'make tables': {
    harm: (role) => `revoke create on schema public from ${role}`,
    says: /permission denied for schema public/,
  },
}

for (const [what, { harm, says }] of Object.entries(forbidden))
  test(`a role that may not ${what} is told what it needs`, async (t) => {
    const { client, sql } = await setUpDatabase(t)
    const role = `limited_${randomBytes(4).toString('hex')}`
    await sql.begin(async (tx) => {
      await tx.unsafe(`create role ${role}; grant create, usage on schema public to ${role};
        grant usage on schema cron, net to ${role}; ${harm(role)}; set local role ${role}`)
      const answer = await client(fireUrl, (text) => tx.savepoint((nested) => nested.unsafe(text))).list()
      assert.ok(!answer.ok)
      assert.deepEqual([answer.kind, answer.code], ['refused', 'PG_FORBIDDEN'])
      assert.match(answer.message, says)
      await tx.unsafe(`reset role; drop owned by ${role}; drop role ${role}`)
    })
  })

test('a role that has lost its grant is told which one it was', async (t) => {
  const { client, sql } = await setUpDatabase(t)
  const role = `limited_${randomBytes(4).toString('hex')}`
  await sql.begin(async (tx) => {
    const own = client(fireUrl, (text) => tx.savepoint((nested) => nested.unsafe(text)))
    await tx.unsafe(`create role ${role}; grant create, usage on schema public to ${role};
      grant usage on schema cron, net to ${role}; set local role ${role}`)
    assert.equal((await own.list()).ok, true)
    await tx.unsafe(`reset role; revoke usage on schema cron from ${role}; set local role ${role}`)
    const answer = await own.arm(wish)
    assert.match(answer.ok ? '' : answer.message, /grant usage on schema cron to limited_/)
    await tx.unsafe(`reset role; drop owned by ${role}; drop role ${role}`)
  })
})

test('a role that may not read settings of superusers, as that of pg_cron is one, sets Postgres up all the same', async (t) => {
  const { client, sql } = await setUpDatabase(t)
  const role = `plain_${randomBytes(4).toString('hex')}`
  await sql.begin(async (tx) => {
    await tx.unsafe(`create role ${role}; grant create, usage on schema public to ${role};
      grant usage on schema cron, net to ${role}; set local role ${role}`)
    // one that is for superusers alone takes the place of cron.database_name, which needs the real library
    const query = (text: string) =>
      tx.savepoint((nested) => nested.unsafe(text.replace("'cron.database_name'", "'config_file'")))
    assert.deepEqual(await client(fireUrl, query).list(), { ok: true, value: null })
    await tx.unsafe(`reset role; drop owned by ${role}; drop role ${role}`)
  })
})

test('a database that is away is a transient failure', async (t) => {
  const { client } = await setUpDatabase(t)
  const away = Object.assign(new Error('away'), { code: 'DATABASE_UNAVAILABLE' })
  const answer = await client(fireUrl, () => Promise.reject(away)).arm(wish)
  assert.ok(!answer.ok)
  assert.deepEqual([answer.kind, answer.code], ['transient', 'PG_UNREACHABLE'])
})
