import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { ConfigError, readConfig, secretsOf } from '../../src/ground/config.ts'
import { keyOf } from '../support/key.ts'

const key = (byte: number) => keyOf(byte).toString('base64')

test('every secret that is read from the environment is among those that are never shown', () => {
  const source = readFileSync(new URL('../../src/ground/config.ts', import.meta.url), 'utf8')
  const names = [...source.matchAll(/secret\('([A-Z_]+)'/g)].map(([, name = '']) => name)
  assert.ok(names.includes('API_KEY'))
  assert.ok(names.includes('ENCRYPTION_KEYS_OLD'))
  const values: Record<string, string> = Object.fromEntries(names.map((name) => [name, `canary-of-${name}`]))
  const keys = { ENCRYPTION_KEY: key(1), ENCRYPTION_KEYS_OLD: key(2) }
  const others = { NAS_TOKEN_URL: 'https://nas.example/token', NAS_CLIENT_ID: 'client' }
  const database = 'postgres://user:canary-of-DATABASE_URL@db.example/chronos'
  const config = readConfig({ ...values, ...keys, ...others, DATABASE_URL: database })
  const expected = Object.values({ ...values, ...keys })
  const known = new Set(secretsOf(config))
  assert.deepEqual(
    expected.filter((value) => !known.has(value)),
    [],
  )
})

test('the password of the database is known as it is written and as it is meant', () => {
  const known = (url: string) => secretsOf(readConfig({ DATABASE_URL: url }))
  assert.deepEqual(known('postgres://user:p%40ss%2Fword@db/x'), ['p%40ss%2Fword', 'p@ss/word'])
  assert.ok(known('postgres://user@db/x?password=p%40ssword').includes('p@ssword'))
  assert.deepEqual(known('postgres://user@db/x'), [])
})

test('old encryption keys are read in their order, and one that is none is named by its place only', () => {
  const env = { ENCRYPTION_KEY: key(1), ENCRYPTION_KEYS_OLD: ` ${key(2)}, ${key(3)},` }
  assert.deepEqual(readConfig(env).encryptionKeysOld, [keyOf(2), keyOf(3)])
  const broken = { ...env, ENCRYPTION_KEYS_OLD: `${key(2)},hunter2hunter2` }
  assert.throws(
    () => readConfig(broken),
    (error: Error) => {
      assert.ok(error instanceof ConfigError)
      assert.match(error.message, /ENCRYPTION_KEYS_OLD: entry 2 must be 32 bytes as base64, not 10 bytes/)
      assert.doesNotMatch(error.message, /hunter2/)
      return true
    },
  )
})

test('old encryption keys without a current one are refused', () => {
  assert.throws(
    () => readConfig({ ENCRYPTION_KEYS_OLD: key(2) }),
    /ENCRYPTION_KEY is required with ENCRYPTION_KEYS_OLD/,
  )
})
