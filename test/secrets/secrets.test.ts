import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, beforeEach, test } from 'node:test'
import { createSecretStore } from '../../db/index.ts'
import { AppError, type ErrorCode } from '../../src/ground/errors.ts'
import { createSeal } from '../../src/vault/seal/index.ts'
import { createSecrets } from '../../src/vault/secrets.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

const [oldKey, newKey] = [randomBytes(32), randomBytes(32)]
const value = 'hunter2-hunter2'

let database: TestDatabase
before(async () => {
  database = await createTestDatabase()
})
after(() => database.drop())
beforeEach(() => database.sql`truncate secrets, channels, nas_login, jobs cascade`)

function secretsWith(key: Buffer | null, ...older: Buffer[]) {
  const store = createSecretStore(database.db)
  return createSecrets({ store, seal: key && createSeal(key, older) })
}

const has =
  (code: ErrorCode, ...words: string[]) =>
  (error: unknown) => {
    assert.ok(error instanceof AppError, String(error))
    assert.equal(error.code, code)
    for (const word of words) assert.ok(error.message.includes(word), error.message)
    assert.doesNotMatch(error.message, /hunter2/)
    return true
  }

const whole = { after: null, limit: 1000 }

test('a secret is stored sealed, and read by its name', async () => {
  const secrets = secretsWith(newKey)
  const { version, keyId, createdAt } = await secrets.put('TOKEN', value)
  assert.equal(version, 1)
  const [row] = await database.sql`select * from secrets`
  assert.match(row?.['sealed'] as string, new RegExp(`^v1\\.${keyId}\\.`))
  assert.doesNotMatch(JSON.stringify(row), /hunter2/)
  assert.deepEqual(await secrets.read(['TOKEN', 'TOKEN']), new Map([['TOKEN', value]]))
  const { items: listed } = await secrets.list('default', whole)
  assert.deepEqual(
    listed.map((one) => [one.name, one.version, one.createdAt.getTime()]),
    [['TOKEN', 1, createdAt.getTime()]],
  )
  assert.doesNotMatch(JSON.stringify(listed), /hunter2/)
})

test('replacing a secret gives the next version, each its own, however many replace it at once', async () => {
  const secrets = secretsWith(newKey)
  const versions = await Promise.all(
    Array.from({ length: 8 }, (_, index) => secrets.put('TOKEN', `${value}${index}`)),
  )
  assert.deepEqual(
    versions.map(({ version }) => version).toSorted((a, b) => a - b),
    [1, 2, 3, 4, 5, 6, 7, 8],
  )
  const last = versions.findIndex(({ version }) => version === 8)
  assert.equal((await secrets.read(['TOKEN'])).get('TOKEN'), `${value}${last}`)
})

test('secrets that are not there are named, all of them', async () => {
  const secrets = secretsWith(newKey)
  await secrets.put('TOKEN', value)
  await assert.rejects(secrets.read(['A', 'TOKEN', 'B']), has('SECRET_UNKNOWN', 'A, B'))
  assert.deepEqual(await secrets.exists(['A', 'TOKEN']), new Set(['TOKEN']))
  assert.deepEqual(await secrets.read([]), new Map())
})

test('a value that was moved to another name is refused', async () => {
  const secrets = secretsWith(newKey)
  await secrets.put('TOKEN', value)
  await secrets.put('OTHER', 'something-else')
  await database.sql`update secrets set sealed = (select sealed from secrets where name = 'TOKEN') where name = 'OTHER'`
  await assert.rejects(secrets.read(['OTHER']), has('SECRET_UNREADABLE', 'secret:OTHER'))
})

test('without a key nothing is stored or read, and the message says what to do', async () => {
  await secretsWith(newKey).put('TOKEN', value)
  const secrets = secretsWith(null)
  for (const call of [secrets.put('TOKEN', value), secrets.read(['TOKEN']), secrets.rotate()])
    await assert.rejects(call, has('ENCRYPTION_KEY_MISSING', 'openssl rand -base64 32'))
  assert.equal((await secrets.list('default', whole)).items.length, 1)
  await secrets.remove('TOKEN')
})

test('a secret that a job mentions in action, prompt or deliver is not removed, and the jobs are named', async () => {
  const secrets = secretsWith(newKey)
  for (const name of ['IN_ACTION', 'IN_PROMPT', 'IN_DELIVER', 'FREE', 'IN_']) await secrets.put(name, value)
  await addJob('aaaaaaaaaaaa', { action: { type: 'http', headers: { a: 'Bearer {{ secrets.IN_ACTION }}' } } })
  await addJob('bbbbbbbbbbbb', { prompt: 'use {{secrets.IN_PROMPT}}, and secrets.FREE is a word' })
  await addJob('cccccccccccc', { deliver: [{ type: 'slack', url: '{{secrets.IN_DELIVER}}' }] })
  await assert.rejects(secrets.remove('IN_ACTION'), has('SECRET_IN_USE', 'aaaaaaaaaaaa'))
  await assert.rejects(secrets.remove('IN_PROMPT'), has('SECRET_IN_USE', 'bbbbbbbbbbbb'))
  await assert.rejects(secrets.remove('IN_DELIVER'), has('SECRET_IN_USE', 'cccccccccccc'))
  // the beginning of another's name is not that name
  await secrets.remove('IN_')
  await secrets.remove('FREE')
  await assert.rejects(secrets.remove('FREE'), has('SECRET_NOT_FOUND', 'FREE'))
})

test('what an older key sealed is read, and sealed with the current one by a rotation', async () => {
  await secretsWith(oldKey).put('TOKEN', value)
  const both = secretsWith(newKey, oldKey)
  assert.equal((await both.read(['TOKEN'])).get('TOKEN'), value)
  const { keyId, ...counts } = await both.rotate()
  assert.deepEqual(counts, { resealed: 1, unreadable: [], left: 0 })
  const [stored] = (await both.list('default', whole)).items
  assert.deepEqual([stored?.keyId, stored?.version], [keyId, 1])
  assert.equal((await secretsWith(newKey).read(['TOKEN'])).get('TOKEN'), value)
  assert.equal((await both.rotate()).resealed, 0)
})

test('a rotation seals channels and the tokens of the login anew', async () => {
  const { seal } = createSeal(oldKey)
  await database.sql`insert into channels (name, type, sealed) values ('ops', 'slack', ${seal('{}', 'channel:ops')})`
  await database.sql`
    insert into nas_login (client_id, first_hash, refresh_hash, refresh_sealed, access_sealed, access_refresh_at, access_expires_at)
    values ('c', ${'0'.repeat(64)}, ${'0'.repeat(64)}, ${seal('refresh', 'nas_login:c:refresh')}, ${seal('access', 'nas_login:c:access')}, now(), now())`
  assert.equal((await secretsWith(newKey, oldKey).rotate()).resealed, 3)
  const { open } = createSeal(newKey)
  const [channel] = await database.sql`select sealed from channels`
  const [login] = await database.sql`select refresh_sealed, access_sealed from nas_login`
  assert.equal(open(channel?.['sealed'] as string, 'channel:ops'), '{}')
  assert.equal(open(login?.['refresh_sealed'] as string, 'nas_login:c:refresh'), 'refresh')
  assert.equal(open(login?.['access_sealed'] as string, 'nas_login:c:access'), 'access')
})

test('what no key opens stays as it is and is named; the rest is sealed anew', async () => {
  await secretsWith(randomBytes(32)).put('LOST', value)
  await secretsWith(oldKey).put('TOKEN', value)
  const rotation = await secretsWith(newKey, oldKey).rotate()
  assert.deepEqual([rotation.resealed, rotation.unreadable, rotation.left], [1, ['secret:LOST'], 0])
})

test('a rotation while others write, and another beside it, loses no value', async () => {
  const names = Array.from({ length: 150 }, (_, index) => `TOKEN_${index}`)
  const old = secretsWith(oldKey)
  await Promise.all(names.map((name) => old.put(name, `${value} first ${name}`)))
  const both = secretsWith(newKey, oldKey)
  const written = names.filter((_, index) => index % 3 === 0)
  // some writers still have the former key as their current one
  const writing = written.map((name, index) =>
    (index % 2 === 0 ? old : both).put(name, `${value} second ${name}`),
  )
  await Promise.all([both.rotate(), both.rotate(), ...writing])
  const values = await both.read(names)
  for (const [index, name] of names.entries())
    assert.equal(values.get(name), `${value} ${index % 3 === 0 ? 'second' : 'first'} ${name}`)
  await both.rotate()
  assert.equal((await secretsWith(newKey).read(names)).size, names.length)
})

test('whatever is sealed anywhere in the database is sealed anew by a rotation', async () => {
  const rows = await database.sql<{ name: string }[]>`
    select table_name || '.' || column_name as name from information_schema.columns
    where table_schema = 'public' and column_name like '%sealed' order by 1`
  const known = ['channels.sealed', 'nas_login.access_sealed', 'nas_login.refresh_sealed', 'secrets.sealed']
  assert.deepEqual(
    rows.map(({ name }) => name),
    known,
  )
})

async function addJob(id: string, { action = { type: 'prompt' }, prompt = null, deliver = null }: JobFields) {
  const { sql } = database
  await sql`
    insert into jobs (id, name, schedule, timezone, anchor, prompt, deliver, action)
    values (${id}, 'a job', '{"kind":"interval","every_ms":60000}', 'UTC', now(), ${prompt},
      ${deliver && sql.json(deliver as never)}, ${sql.json(action as never)})`
}

type JobFields = { action?: object; prompt?: string | null; deliver?: object | null }
