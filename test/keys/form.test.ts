import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashOf, idIn, makeKey } from '../../src/access/keys/form.ts'

test('a key is chr_, its id, 256 random bits and a checksum; its hash is of the whole', () => {
  const { id, secret, hash } = makeKey()
  assert.match(secret, /^chr_[0-9a-f]{12}_[A-Za-z0-9_-]{43}_[A-Za-z0-9_-]{6}$/)
  assert.equal(idIn(secret), id)
  assert.equal(hashOf(secret).toString('hex'), hash)
  assert.notEqual(makeKey().secret, secret)
})

test('a key with any one character changed, lost or added is known as none without a look', () => {
  const { secret } = makeKey()
  for (let at = 0; at < secret.length; at++) {
    const other = secret[at] === 'a' ? 'b' : 'a'
    assert.equal(idIn(secret.slice(0, at) + other + secret.slice(at + 1)), null, `character ${at}`)
    assert.equal(idIn(secret.slice(0, at) + secret.slice(at + 1)), null, `without character ${at}`)
  }
  for (const text of [`${secret}x`, ` ${secret}`, secret.toUpperCase(), '', 'chr_', 'chr_0_0_0'])
    assert.equal(idIn(text), null, text)
})
