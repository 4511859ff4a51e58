import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { fireKey } from '../../src/timers/pg/key.ts'
import { createTokenCheck } from '../../src/timers/pg/token.ts'
import { rejectReason } from '../../src/token/index.ts'
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

test('a pg_cron that knows no seconds looks each minute, and the log says so', async (t) => {
  const { client, cronJobs, lines } = await setUpDatabase(t, { version: '1.4' })
  assert.equal((await client().list()).ok, true)
  assert.deepEqual(await cronJobs(), [{ ...row, schedule: '* * * * *' }])
  assert.match(lines.join(), /up to a minute late/)
})

test('a row that is gone or switched off is made again by the next arm', async (t) => {
  const { client, cronJobs, sql } = await setUpDatabase(t)
  await client().arm(wish)
  for (const harm of [
    'delete from cron.job',
    'update cron.job set active = false',
    'drop table chronos_timer cascade',
  ]) {
    await sql.unsafe(harm)
    assert.equal((await client().arm(wish)).ok, true, harm)
    assert.deepEqual(await cronJobs(), [{ ...row, schedule: '5 seconds' }], harm)
    assert.equal((await sql`select from chronos_timer`).length, 1)
  }
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

for (const schema of ['cron', 'net'])
  test(`a role that may not use ${schema} is told which grant it needs`, async (t) => {
    const { client, sql } = await setUpDatabase(t)
    const role = `limited_${randomBytes(4).toString('hex')}`
    await sql.begin(async (tx) => {
      await tx.unsafe(`create role ${role}; grant create, usage on schema public to ${role};
        grant usage on schema cron, net to ${role}; revoke usage on schema ${schema} from ${role}, public;
        set local role ${role}`)
      const answer = await client(fireUrl, (text) => tx.savepoint((nested) => nested.unsafe(text))).list()
      assert.ok(!answer.ok)
      assert.equal(answer.code, 'PG_FORBIDDEN')
      assert.match(answer.message, new RegExp(`grant usage on schema ${schema} to ${role}`))
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

const now = new Date()
const nowS = () => Math.floor(now.getTime() / 1_000)
const encryptionKey = randomBytes(32)
const claims = { iss: 'chronos-postgres', aud: fireUrl, purpose: 'cron_fire', iat: nowS(), exp: nowS() + 300 }
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

function sign(change: Record<string, unknown> = {}, key = encryptionKey): string {
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ ...claims, ...change })}`
  return `Bearer ${signed}.${createHmac('sha256', fireKey(key)).update(signed).digest('base64url')}`
}

const spoilt: Record<string, { header: string | undefined; reason: string }> = {
  missing: { header: undefined, reason: 'missing' },
  'too large': { header: `Bearer ${'a'.repeat(9_000)}`, reason: 'too_large' },
  'of two parts': { header: 'Bearer a.b', reason: 'malformed' },
  'of another key': { header: sign({}, randomBytes(32)), reason: 'signature' },
  'without a signature': {
    header: `Bearer ${part({ alg: 'none' })}.${part(claims)}.AA`,
    reason: 'signature',
  },
  'with changed claims': {
    header: sign().replace(/\.[\w-]+\./, `.${part({ ...claims, exp: nowS() + 3_000 })}.`),
    reason: 'signature',
  },
  'of another issuer': { header: sign({ iss: 'https://nas.example' }), reason: 'iss' },
  'for another URL': { header: sign({ aud: 'https://other.example/api/cron/fire' }), reason: 'aud' },
  'for another purpose': { header: sign({ purpose: 'callback' }), reason: 'purpose' },
  expired: { header: sign({ exp: nowS() - 60 }), reason: 'exp' },
  'without an end': { header: sign({ exp: undefined }), reason: 'exp' },
  'of the future': { header: sign({ iat: nowS() + 120 }), reason: 'iat' },
  'good for a day': { header: sign({ exp: nowS() + 86_400 }), reason: 'life' },
}

for (const [what, { header, reason }] of Object.entries(spoilt))
  test(`a token ${what} is refused`, () => {
    const check = createTokenCheck({ fireUrl, encryptionKeys: [encryptionKey], now: () => now })
    check(sign())
    assert.throws(
      () => check(header),
      (error) => rejectReason(error) === reason,
    )
  })

test('a token that the key of before has signed is good until Postgres has the new one', () => {
  const check = createTokenCheck({
    fireUrl,
    encryptionKeys: [randomBytes(32), encryptionKey],
    now: () => now,
  })
  check(sign())
})
