import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { fireKey } from '../../src/timers/pg/key.ts'
import { createTokenCheck } from '../../src/timers/pg/token.ts'
import { rejectReason } from '../../src/token/index.ts'
import { fireUrl } from './pg-setup.ts'

const now = new Date()
const nowS = () => Math.floor(now.getTime() / 1_000)
const encryptionKey = randomBytes(32)
const claims = { iss: 'chronos-postgres', aud: fireUrl, purpose: 'cron_fire', iat: nowS(), exp: nowS() + 300 }
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

function sign(change: Record<string, unknown> = {}, key = encryptionKey): string {
  return signed(JSON.stringify({ ...claims, ...change }), key)
}

function signed(payload: string, key = encryptionKey): string {
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${Buffer.from(payload).toString('base64url')}`
  return `Bearer ${text}.${createHmac('sha256', fireKey(key)).update(text).digest('base64url')}`
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
  'that is signed and no object': { header: signed('"a text"'), reason: 'malformed' },
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
  const key = randomBytes(32)
  const check = createTokenCheck({ fireUrl, encryptionKeys: [key, encryptionKey], now: () => now })
  check(sign())
  check(sign({}, key))
})
