import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { AppError } from '../../src/ground/errors.ts'
import { createSeal } from '../../src/vault/seal/index.ts'

const key = randomBytes(32)
const ours = createSeal(key)
const seal = (plain: string, context: string) => ours.seal(plain, context)
const open = (sealed: string, context: string) => ours.open(sealed, context)

test('what was sealed is opened again, whatever the letters', () => {
  for (const plain of ['', 'secret', 'ü€😀\n\0', 'x'.repeat(100_000)]) {
    assert.equal(open(seal(plain, 'login'), 'login'), plain)
  }
})

test('the same secret is sealed differently each time, and never shows', () => {
  const sealed = Array.from({ length: 50 }, () => seal('secret', 'login'))
  assert.equal(new Set(sealed).size, 50)
  assert.ok(sealed.every((text) => /^v1\.[0-9a-f]{8}\.[\w-]+$/.test(text)))
  assert.ok(sealed.every((text) => !Buffer.from(text.split('.')[2] ?? '', 'base64url').includes('secret')))
})

test('a secret sealed for one thing is not opened as another', () => {
  assert.throws(() => open(seal('secret', 'login:a'), 'login:b'), isUnreadable)
})

test('a sealed secret with any byte changed is refused', () => {
  const [version, id, text = ''] = seal('secret', 'login').split('.')
  const bytes = Buffer.from(text, 'base64url')
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = Buffer.from(bytes)
    changed[at] = (changed[at] ?? 0) ^ 1
    assert.throws(() => open(`${version}.${id}.${changed.toString('base64url')}`, 'login'), isUnreadable)
  }
})

test('a sealed secret that was cut, or is none, is refused', () => {
  const sealed = seal('secret', 'login')
  const id = sealed.split('.')[1]
  const others = [
    '',
    'secret',
    'v1',
    'v1..',
    `v1.${id}.`,
    `v1.${id}.AAAA`,
    `${sealed}.x`,
    sealed.slice(0, -4),
    `v2${sealed.slice(2)}`,
  ]
  for (const text of others) assert.throws(() => open(text, 'login'), isUnreadable)
})

test('after a change of the key, the older key still opens and the new one seals', () => {
  const newKey = randomBytes(32)
  const both = createSeal(newKey, [key])
  assert.equal(both.open(seal('secret', 'login'), 'login'), 'secret')
  assert.equal(createSeal(newKey).open(both.seal('secret', 'login'), 'login'), 'secret')
})

test('without its key a secret stays closed, also under the id of another key', () => {
  const other = createSeal(randomBytes(32))
  assert.throws(() => other.open(seal('secret', 'login'), 'login'), isUnreadable)
  const disguised = seal('secret', 'login').replace(
    /\.[0-9a-f]{8}\./,
    `.${other.seal('', '').split('.')[1]}.`,
  )
  assert.throws(() => other.open(disguised, 'login'), isUnreadable)
})

test('a key that has not 32 bytes is refused at once', () => {
  assert.throws(() => createSeal(randomBytes(16)), /must be 32 bytes, not 16/)
})

function isUnreadable(error: unknown): boolean {
  assert.ok(error instanceof AppError)
  assert.equal(error.code, 'SECRET_UNREADABLE')
  return true
}
