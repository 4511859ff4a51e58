import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, test } from 'node:test'
import { createDatabase } from '../../db/client.ts'
import { createKeyStore } from '../../db/keys.ts'
import { createTestDatabase } from '../support/database.ts'
import { key, setup, start } from './setup.ts'

const database = await createTestDatabase()
after(() => database.drop())
const signer = await key('ES256')
const later = (ms: number) => new Date(start.getTime() + ms)

function makeStore(db = database.db) {
  return createKeyStore({ db, jwksUrl: `https://nas.test/${randomUUID()}` })
}

test('keys are given back as they were stored, each portal its own', async () => {
  const store = makeStore()
  assert.equal(await store.load(), null)
  await store.save({ keys: [signer.jwk] }, start)
  assert.deepEqual(await store.load(), { jwks: { keys: [signer.jwk] }, fetchedAt: start })
  assert.equal(await makeStore().load(), null)
})

test('of keys stored in any order the newest stay', async () => {
  const store = makeStore()
  const sets = [0, 5, 3, 9, 1].map((age) => ({
    keys: [{ ...signer.jwk, kid: `kid-${age}` }],
    at: later(age),
  }))
  await Promise.all(sets.map(({ keys, at }) => store.save({ keys }, at)))
  assert.deepEqual(await store.load(), { jwks: { keys: sets[3]?.keys }, fetchedAt: later(9) })
})

test('Postgres itself refuses an empty key set', async () => {
  await assert.rejects(makeStore().save({ keys: [] }, start), { constraint_name: 'nas_keys_not_empty' })
})

test('a cold start verifies with the keys in Postgres, and without a request', async (t) => {
  const keyStore = Object.assign(makeStore(), { row: null, loads: 0, saves: 0 })
  const { portal, verifier, makeVerifier, bearer } = await setup(t, { keyStore, keys: [signer.jwk] })
  await verifier.verify(await bearer(signer))
  await verifier.refreshIfStale()
  const woken = makeVerifier()
  await woken.warm()
  await woken.verify(await bearer(signer))
  assert.equal(portal.requests.length, 1)
})

test('without a database tokens are verified with the keys of the portal', async (t) => {
  const db = createDatabase({ url: database.url })
  await db.close()
  const keyStore = Object.assign(makeStore(db), { row: null, loads: 0, saves: 0 })
  const { verifier, bearer, warnings } = await setup(t, { keyStore, keys: [signer.jwk] })
  await verifier.warm()
  await verifier.verify(await bearer(signer))
  await verifier.refreshIfStale()
  assert.equal(warnings.length, 2)
})
