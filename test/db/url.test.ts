import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import postgres from 'postgres'
import { classify } from '../../db/errors.ts'
import { readDatabaseUrl } from '../../db/url.ts'

const address = 'postgres://user:pa%3Fss@db.example:6543/chronos'

test('parameters for the server stay, those of other clients go', () => {
  const kept = 'sslmode=require&application_name=x&options=endpoint%3Done'
  assert.deepEqual(readDatabaseUrl(`${address}?${kept}&channel_binding=require&pool_timeout=5&sslsni=1`), {
    url: `${address}?${kept}`,
    prepare: true,
  })
  assert.deepEqual(readDatabaseUrl(address), { url: address, prepare: true })
  const hosts = 'postgres://user:pass@one:5432,two:5432/chronos'
  assert.equal(readDatabaseUrl(`${hosts}?gssencmode=disable`).url, hosts)
})

test('prepare=false and pgbouncer=true mean no prepared statements', () => {
  for (const query of ['prepare=false', 'pgbouncer=true']) {
    assert.deepEqual(readDatabaseUrl(`${address}?${query}`), { url: address, prepare: false })
  }
  assert.equal(readDatabaseUrl(`${address}?prepare=true&pgbouncer=false`).prepare, true)
})

test('sslrootcert is read, and only verify-full compares the name', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'chronos-url-'))
  const file = join(folder, 'ca.pem')
  await writeFile(file, 'a certificate')
  const full = readDatabaseUrl(`${address}?sslmode=verify-full&sslrootcert=${file}`)
  assert.deepEqual(full.ssl, { ca: 'a certificate' })
  assert.ok(readDatabaseUrl(`${address}?sslmode=verify-ca&sslrootcert=${file}`).ssl?.checkServerIdentity)
  assert.equal(readDatabaseUrl(`${address}?sslmode=disable&sslrootcert=${file}`).ssl, undefined)
  assert.equal(readDatabaseUrl(`${address}?sslrootcert=system`).url, `${address}?ssl=verify-full`)
  await rm(folder, { recursive: true })
})

test('a failure is told by its code: unavailable or not, carried out or unknown', () => {
  const state = (code: string) =>
    classify(Object.assign(Object.create(postgres.PostgresError.prototype), { code }))
  const local = (code: string, more = {}) => classify(Object.assign(new Error(code), { code, ...more }))
  assert.equal(state('23505'), null)
  assert.equal(state('42P01'), null)
  assert.equal(classify(new TypeError('a bug')), null)
  assert.equal(local('ERR_INVALID_ARG_TYPE'), null)
  for (const code of ['40001', '40P01']) assert.equal(state(code)?.kind, 'conflict')
  for (const code of ['53300', '57P03', '57014', '28P01', '3D000', '25006', '25P03']) {
    assert.equal(state(code)?.outcome, 'not_executed', code)
  }
  for (const code of ['57P01', '57P02', '08006']) assert.equal(state(code)?.outcome, 'unknown', code)
  for (const code of ['ECONNREFUSED', 'EHOSTUNREACH', 'ETIMEDOUT']) {
    assert.equal(local(code, { syscall: 'connect' })?.outcome, 'not_executed', code)
  }
  for (const code of ['ENOTFOUND', 'EAI_AGAIN']) {
    assert.equal(local(code, { syscall: 'getaddrinfo' })?.outcome, 'not_executed', code)
  }
  for (const code of ['ERR_TLS_CERT_ALTNAME_INVALID', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'CERT_HAS_EXPIRED']) {
    assert.equal(local(code)?.outcome, 'not_executed', code)
  }
  for (const code of [
    'ECONNRESET',
    'EPIPE',
    'CONNECTION_CLOSED',
    'CONNECTION_DESTROYED',
    'DEADLINE_EXCEEDED',
  ]) {
    assert.deepEqual([local(code)?.outcome, local(code)?.poolIsSuspect], ['unknown', true], code)
  }
})
