import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import type { Renewed } from '../../src/timers/nas/login-store.ts'
import { loginSetup } from './login-setup.ts'

const hash = (digit: string) => digit.repeat(64)
const sealed = (name: string) => `v1.00000000.${name}`
const first = { hash: hash('a'), sealed: sealed('first') }

function renewed(from: string, to: string): Renewed {
  const access = { sealed: sealed('access'), refreshAt: new Date(1_000), expiresAt: new Date(2_000) }
  return { refreshedFrom: hash(from), refresh: { hash: hash(to), sealed: sealed(to) }, access }
}

test('of thirty who want the lease at once, one gets it', async (t) => {
  const { store } = await loginSetup(t)
  await store.begin(first)
  const rows = await Promise.all(Array.from({ length: 30 }, () => store.takeLease(randomUUID(), 30_000)))
  assert.equal(rows.filter((row) => row !== null).length, 1)
})

test('a lease ends at its end by the clock of Postgres, not before', async (t) => {
  const { store, later } = await loginSetup(t)
  await store.begin(first)
  assert.equal((await store.takeLease(randomUUID(), 30_000))?.begun, 1)
  later(29_999)
  assert.equal(await store.takeLease(randomUUID(), 30_000), null)
  later(1)
  assert.equal((await store.takeLease(randomUUID(), 30_000))?.begun, 2)
})

test('a release by another owner changes nothing, and one by the owner counts its refresh as not begun', async (t) => {
  const { store } = await loginSetup(t)
  await store.begin(first)
  const owner = randomUUID()
  await store.takeLease(owner, 30_000)
  await store.release(randomUUID())
  assert.equal(await store.takeLease(randomUUID(), 30_000), null)
  await store.release(owner)
  assert.equal((await store.takeLease(randomUUID(), 30_000))?.begun, 1)
})

test('new tokens are stored once, by who spent the current refresh token; the same again is fine', async (t) => {
  const { store } = await loginSetup(t)
  await store.begin(first)
  assert.deepEqual(await Promise.all([store.save(renewed('a', 'b')), store.save(renewed('a', 'b'))]), [
    true,
    true,
  ])
  assert.equal(await store.save(renewed('a', 'c')), false)
  assert.deepEqual((await store.read())?.refresh, { hash: hash('b'), sealed: sealed('b') })
  assert.equal((await store.read())?.firstHash, hash('a'))
})

test('a refusal is told to the first to report it, and only while it is about the current token', async (t) => {
  const { store } = await loginSetup(t)
  await store.begin(first)
  const reports = await Promise.all([1, 2, 3].map(() => store.markRefused(hash('a'), 'invalid_grant')))
  assert.equal(reports.filter(Boolean).length, 1)
  assert.equal(await store.takeLease(randomUUID(), 30_000), null)
  await store.begin({ hash: hash('b'), sealed: sealed('b') })
  assert.equal((await store.read())?.refusal, null)
  assert.equal(await store.markRefused(hash('a'), 'invalid_grant'), false)
})

test('a first token that began an earlier chain does not begin again', async (t) => {
  const { store } = await loginSetup(t)
  for (const digit of ['a', 'b', 'c']) await store.begin({ hash: hash(digit), sealed: sealed(digit) })
  for (const digit of ['a', 'b', 'c']) {
    assert.equal((await store.begin({ hash: hash(digit), sealed: sealed(digit) })).firstHash, hash('c'))
  }
})

test('Postgres itself refuses a token in the clear, and half a token', async (t) => {
  const { store, sql, nas } = await loginSetup(t)
  await assert.rejects(
    store.begin({ hash: hash('a'), sealed: 'rt_plain' }),
    violates('nas_login_refresh_sealed'),
  )
  await assert.rejects(
    store.begin({ hash: 'rt_plain', sealed: sealed('a') }),
    violates('nas_login_hash_form'),
  )
  await store.begin(first)
  const where = sql`where client_id = ${nas.clientId}`
  await assert.rejects(
    sql`update nas_login set access_sealed = ${sealed('a')} ${where}`,
    violates('nas_login_access_whole'),
  )
  await assert.rejects(
    sql`update nas_login set lease_until = now() ${where}`,
    violates('nas_login_lease_whole'),
  )
})

function violates(constraint: string) {
  return (error: unknown) => {
    assert.ok(error instanceof Error && 'constraint_name' in error, String(error))
    assert.equal(error.constraint_name, constraint)
    return true
  }
}
