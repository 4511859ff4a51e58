import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createApiKeyStore } from '../../db/index.ts'
import { createKeys } from '../../src/access/keys/index.ts'
import { createStoredKeys } from '../../src/access/keys/stored.ts'
import { makeKey } from '../../src/access/keys/form.ts'
import { AppError } from '../../src/ground/errors.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
before(async () => {
  database = await createTestDatabase()
})
after(() => database.drop())

const log = { info: () => {}, warn: () => {}, error: () => {} }
const anybody = () => {}
const read = {
  name: 'a key',
  scopes: ['jobs:read' as const],
  expiresAt: null,
  createdBy: 'API_KEY',
  project: null,
}

/** The story over the real store, which counts what it is asked. */
function setup(clock: () => Date | null = () => null) {
  const real = createApiKeyStore(database.db, clock)
  const asked = { find: 0 }
  const store = {
    ...real,
    find(id: string) {
      asked.find += 1
      return real.find(id)
    },
  }
  return { keys: createStoredKeys({ store, log }), asked, store }
}

const codeOf = (error: unknown) => (error instanceof AppError ? error.code : String(error))
const refused = (work: Promise<unknown>) =>
  work.then(
    () => 'let in',
    (error: unknown) => codeOf(error),
  )

test('a key is looked up once and then remembered, also by ten calls at once', async () => {
  const { keys, asked } = setup()
  const { key, secret } = await keys.create(read)
  const given = { id: key.id, secret }
  const callers = await Promise.all(Array.from({ length: 10 }, () => keys.who(given, anybody)))
  await keys.who(given, anybody)
  assert.deepEqual(callers[9], { id: key.id, scopes: ['jobs:read'], project: null })
  assert.equal(asked.find, 1)
})

test('a wrong secret for a remembered id is refused without a look', async () => {
  const { keys, asked } = setup()
  const { key, secret } = await keys.create(read)
  await keys.who({ id: key.id, secret }, anybody)
  const forged = makeKey().secret
  assert.equal(await refused(keys.who({ id: key.id, secret: forged }, anybody)), 'API_KEY_REJECTED')
  assert.equal(asked.find, 1)
})

test('what is new to the process is asked for only where the caller may still try', async () => {
  const { keys, asked } = setup()
  const { key, secret } = await keys.create(read)
  const given = { id: key.id, secret }
  const tooOften = () => {
    throw new AppError('RATE_LIMITED', 'too often')
  }
  assert.equal(await refused(keys.who(given, tooOften)), 'RATE_LIMITED')
  assert.equal(asked.find, 0)
  await keys.who(given, anybody)
  assert.equal(await refused(keys.who(given, tooOften)), 'let in')
})

test('a revoked key is refused at once where it was revoked, even by a look that began before', async () => {
  const { keys, store } = setup()
  const { key, secret } = await keys.create(read)
  const given = { id: key.id, secret }
  await keys.who(given, anybody)
  await keys.revoke(key.id)
  assert.equal(await refused(keys.who(given, anybody)), 'API_KEY_REJECTED')

  const second = await keys.create(read)
  const late = Promise.withResolvers<void>()
  const find = store.find
  store.find = async (id) => {
    const found = await find(id)
    await late.promise
    return found
  }
  const looking = refused(keys.who({ id: second.key.id, secret: second.secret }, anybody))
  await keys.revoke(second.key.id)
  late.resolve()
  assert.equal(await looking, 'API_KEY_REJECTED')
})

test('another process refuses a revoked key that it has not let in lately', async () => {
  const [here, there] = [setup(), setup()]
  const { key, secret } = await here.keys.create(read)
  await here.keys.revoke(key.id)
  assert.equal(await refused(there.keys.who({ id: key.id, secret }, anybody)), 'API_KEY_REJECTED')
})

test('revoking twice keeps the first instant; an unknown key cannot be revoked', async () => {
  const { keys } = setup()
  const { key } = await keys.create(read)
  const first = await keys.revoke(key.id)
  assert.ok(first.revokedAt)
  assert.deepEqual(await keys.revoke(key.id), first)
  assert.equal(await refused(keys.revoke('000000000000')), 'KEY_NOT_FOUND')
})

test('an expired key is refused, by the clock of Postgres', async () => {
  let now = new Date('2026-06-18T08:00:00Z')
  const { keys } = setup(() => now)
  const { key, secret } = await keys.create({ ...read, expiresAt: new Date('2026-06-18T09:00:00Z') })
  const given = { id: key.id, secret }
  assert.equal(await refused(keys.who(given, anybody)), 'let in')
  now = new Date('2026-06-18T09:00:00Z')
  assert.equal(await refused(setup(() => now).keys.who(given, anybody)), 'API_KEY_REJECTED')
})

test('the last use is noted once a minute, by one of all processes', async () => {
  let now = new Date('2026-06-18T08:00:00Z')
  const store = createApiKeyStore(database.db, () => now)
  const { key } = await setup(() => now).keys.create(read)
  const lastUse = async () =>
    (await store.list(null, { after: null, limit: 1000 })).items
      .find(({ id }) => id === key.id)
      ?.lastUsedAt?.toISOString()
  assert.equal(await lastUse(), undefined)
  await store.used(key.id)
  now = new Date('2026-06-18T08:00:59Z')
  await store.used(key.id)
  assert.equal(await lastUse(), '2026-06-18T08:00:00.000Z')
  now = new Date('2026-06-18T08:01:01Z')
  await store.used(key.id)
  assert.equal(await lastUse(), '2026-06-18T08:01:01.000Z')
})

test('what has not the form of a key is refused without loading what looks keys up', async () => {
  const { secret } = makeKey()
  const { check } = createKeys({
    apiKey: 'the-first-key-of-all',
    log,
    store: () => {
      throw new Error('nothing may be looked up')
    },
  })
  const call = async (key: string | undefined) => check(key && `Bearer ${key}`, anybody)
  assert.deepEqual(await call('the-first-key-of-all'), { id: 'API_KEY', scopes: ['admin'], project: null })
  for (const key of [undefined, 'x', 'the-first-key-of-al', `${secret.slice(0, -1)}!`, `chr_${secret}`])
    assert.equal(await refused(call(key)), 'API_KEY_REJECTED')
  await assert.rejects(call(secret), /nothing may be looked up/)
})
