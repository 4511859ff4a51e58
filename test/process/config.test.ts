import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError, readConfig } from '../../src/ground/config.ts'
import { placesOf } from '../../src/ground/config-places.ts'
import { keyOf } from '../support/key.ts'

function problemsOf(env: Record<string, string>): string[] {
  try {
    readConfig(env)
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.message
      .split('\n')
      .slice(1)
      .map((line) => line.replace('  - ', ''))
  }
  return []
}

test('an empty environment is development with the defaults of the contract', () => {
  const config = readConfig({})
  const {
    host,
    port,
    provider,
    timezone,
    idleExitMs,
    bootGraceMs,
    maxConcurrentRuns,
    runLeaseMs,
    drainTimeoutMs,
    logLevel,
  } = config
  assert.deepEqual([host, port, provider, timezone, logLevel], ['0.0.0.0', 8080, '', 'UTC', 'info'])
  assert.deepEqual(
    [idleExitMs, bootGraceMs, maxConcurrentRuns, runLeaseMs, drainTimeoutMs],
    [0, 60_000, null, 300_000, 25_000],
  )
  assert.deepEqual(
    [config.databaseUrl, config.apiKey, config.metricsPort, config.nas.maxHorizonMs],
    [null, null, null, 604_800_000],
  )
})

test('a machine has two places for each MiB of its memory, unless it is told how many', () => {
  const MiB = 1024 ** 2
  const places = (memoryMiB: number, env = {}) => placesOf(readConfig(env), memoryMiB * MiB)
  assert.deepEqual(
    [64, 219, 512, 16_384].map((memory) => places(memory)),
    [250, 438, 1_024, 2_000],
  )
  assert.equal(places(512, { MAX_CONCURRENT_RUNS: '20' }), 20)
  assert.equal(places(512, { MAX_CONCURRENT_RUNS: '10000' }), 10_000)
  const here = placesOf(readConfig({}))
  assert.ok(here >= 250 && here <= 2_000, `${here}`)
  assert.ok(problemsOf({ MAX_CONCURRENT_RUNS: '0' })[0]?.startsWith('MAX_CONCURRENT_RUNS'))
})

test('all problems are reported together, each with its variable and value', () => {
  assert.deepEqual(
    problemsOf({
      PORT: 'http',
      CRON_TIMEZONE: 'Mars/Base',
      RUN_LEASE_MS: '-1',
      LOG_LEVEL: 'loud',
      NAS_PORTAL_URL: 'http://example.com',
    }).map((line) => [line.split(' ')[0], line.split(', not ').at(-1)]),
    [
      ['PORT', '"http"'],
      ['NAS_PORTAL_URL', '"http://example.com"'],
      ['RUN_LEASE_MS', '"-1"'],
      ['LOG_LEVEL', '"loud"'],
      ['CRON_TIMEZONE', '"Mars/Base"'],
    ],
  )
})

test('no secret is ever shown', () => {
  const secrets = { DATABASE_URL: 'mysql://root:hunter2@db/x', API_KEY: 'hunter2', ENCRYPTION_KEY: 'hunter2' }
  const lines = problemsOf(secrets)
  assert.equal(lines.length, 3)
  assert.ok(!lines.join('\n').includes('hunter2'))
})

test('a URL of the portal loses its trailing slashes; plain http is taken for loopback only', () => {
  assert.equal(
    readConfig({ NAS_PORTAL_URL: 'https://nas.example.com//' }).nas.portalUrl,
    'https://nas.example.com',
  )
  assert.equal(readConfig({ NAS_PORTAL_URL: 'http://127.0.0.1:9/' }).nas.portalUrl, 'http://127.0.0.1:9')
  assert.equal(problemsOf({ CALLBACK_URL: 'http://10.0.0.1' }).length, 1)
})

test('CALLBACK_URL is brought to the base that NAS appends the route of fires to', () => {
  for (const given of [
    'https://app.fly.dev',
    'https://app.fly.dev//',
    'https://app.fly.dev/api/cron/fire',
    'https://app.fly.dev/api/cron/fire/',
    'https://app.fly.dev//api/cron/fire//',
  ])
    assert.equal(readConfig({ CALLBACK_URL: given }).callbackUrl, 'https://app.fly.dev', given)
  const below = 'https://example.com/chronos'
  assert.equal(readConfig({ CALLBACK_URL: `${below}/api/cron/fire` }).callbackUrl, below)
  for (const given of ['https://app.fly.dev/?a=b', 'https://app.fly.dev#x'])
    assert.match(
      problemsOf({ CALLBACK_URL: given }).join(),
      /^CALLBACK_URL must not have a query or a fragment/,
    )
})

test('production needs a database and an API key', () => {
  assert.deepEqual(
    problemsOf({ NODE_ENV: 'production' }).map((line) => line.split(' ')[0]),
    ['DATABASE_URL', 'API_KEY'],
  )
})

test('a refresh token needs the token URL, the client and a key to seal it with', () => {
  assert.deepEqual(
    problemsOf({ NAS_REFRESH_TOKEN: 'r' }).map((line) => line.split(' ')[0]),
    ['NAS_TOKEN_URL', 'NAS_CLIENT_ID', 'ENCRYPTION_KEY'],
  )
})

test('the encryption key is 32 bytes of base64', () => {
  assert.equal(readConfig({ ENCRYPTION_KEY: keyOf(7).toString('base64') }).encryptionKey?.length, 32)
  const patterns = [
    Buffer.alloc(32),
    Buffer.alloc(32, 'secret'),
    Buffer.from(Array.from({ length: 32 }, (_, index) => index)),
    Buffer.from('0123456789abcdef0123456789abcdef'),
  ]
  for (const pattern of patterns)
    assert.match(
      problemsOf({ ENCRYPTION_KEY: pattern.toString('base64') })[0] ?? '',
      /bytes that follow a pattern/,
    )
  // 32 hex digits instead of 32 bytes: poor, but random
  const digits = Buffer.from('9f86d081884c7d659a2feaa0c55ad015').toString('base64')
  assert.equal(readConfig({ ENCRYPTION_KEY: digits }).encryptionKey?.length, 32)
  assert.match(problemsOf({ ENCRYPTION_KEY: keyOf(7).toString('hex') })[0] ?? '', /not 48 bytes/)
  assert.match(problemsOf({ ENCRYPTION_KEY: Buffer.alloc(16).toString('base64') })[0] ?? '', /not 16 bytes/)
})

test('blank is the same as unset', () => {
  assert.equal(readConfig({ PORT: ' ', CRON_PROVIDER: ' ', NAS_ACCESS_TOKEN: '' }).nas.accessToken, null)
})

test('a misspelt number is refused, not guessed', () => {
  for (const PORT of ['80.5', '1e3', '0x50', '70000', '8080 ms'])
    assert.equal(problemsOf({ PORT }).length, 1, PORT)
})
