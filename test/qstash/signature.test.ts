import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { Receiver } from '@upstash/qstash'
import { SignJWT } from 'jose'
import { type Qstash, startQstash } from '../../dev/qstash/index.ts'
import { createSignatureCheck } from '../../src/timers/qstash/signature.ts'
import { rejectReason } from '../../src/token/index.ts'

// Upstash's own receiver and ours judge the same signatures: those of the stand-in, and those that are spoilt.

const fireUrl = 'https://app.example/api/cron/fire'
const body = '{"job_id":"aaaaaaaaaaaa","fire_at":"2026-06-18T09:00:00.000Z"}'
const nowS = () => Math.floor(Date.now() / 1_000)

let qstash: Qstash
before(async () => {
  qstash = await startQstash()
})
after(() => qstash.close())

function setup() {
  const { QSTASH_CURRENT_SIGNING_KEY: current = '', QSTASH_NEXT_SIGNING_KEY: next = '' } =
    qstash.environment()
  const receiver = new Receiver({ currentSigningKey: current, nextSigningKey: next })
  const check = createSignatureCheck({ fireUrl, keys: [current, next] })
  const ours = async (signature: string, sent = body) => {
    const fire = await check(signature)
    fire.checkBody?.(Buffer.from(sent))
    return fire
  }
  const theirs = (signature: string, sent = body) => receiver.verify({ signature, body: sent, url: fireUrl })
  return { current, next, ours, theirs }
}

const sign = (change: Record<string, unknown> = {}, key?: string) =>
  qstash.sign({ url: fireUrl, body: Buffer.from(body) }, change, key)

test('a signature of the stand-in is good for the receiver of Upstash and for ours', async () => {
  const { ours, theirs, next } = setup()
  for (const signature of [sign(), sign({}, next)]) {
    assert.equal(await theirs(signature), true)
    await ours(signature)
  }
})

const spoilt: Record<string, { signature: () => string; reason: string; isFineForThem?: true }> = {
  'of a stranger': { signature: () => sign({}, 'sig_of_a_stranger'), reason: 'signature' },
  'of another issuer': { signature: () => sign({ iss: 'Downstash' }), reason: 'iss' },
  'for another URL': { signature: () => sign({ sub: 'https://other.example/api/cron/fire' }), reason: 'sub' },
  'without a subject': { signature: () => sign({ sub: undefined }), reason: 'sub' },
  'that has expired': { signature: () => sign({ exp: nowS() - 60 }), reason: 'exp' },
  'that is not valid yet': { signature: () => sign({ nbf: nowS() + 120 }), reason: 'nbf' },
  'of another body': { signature: () => sign({ body: 'x' }), reason: 'body' },
  'of no body': { signature: () => sign({ body: undefined }), reason: 'body' },
  'that never expires': { signature: () => sign({ exp: undefined }), reason: 'exp', isFineForThem: true },
  'issued in the future': {
    signature: () => sign({ iat: nowS() + 120 }),
    reason: 'iat',
    isFineForThem: true,
  },
  'that is no token': { signature: () => 'a.b.c', reason: 'malformed' },
}
for (const [what, { signature, reason, isFineForThem }] of Object.entries(spoilt))
  test(`a signature ${what} is refused`, async () => {
    const { ours, theirs } = setup()
    await assert.rejects(ours(signature()), (error) => rejectReason(error) === reason)
    if (!isFineForThem) await assert.rejects(theirs(signature()))
  })

test('a signature without algorithm, or by another one, is refused', async () => {
  const { ours, current } = setup()
  const claims = {
    body: createHash('sha256').update(body).digest('base64url'),
    jti: randomUUID(),
  }
  const token = (alg: string) =>
    new SignJWT(claims)
      .setProtectedHeader({ alg })
      .setIssuer('Upstash')
      .setSubject(fireUrl)
      .setNotBefore(nowS())
      .setExpirationTime(nowS() + 300)
      .sign(Buffer.from(current.padEnd(64, 'x')))
  await assert.rejects(ours(await token('HS512')), (error) => rejectReason(error) === 'alg')
  const none = [{ alg: 'none' }, { ...claims, iss: 'Upstash', sub: fireUrl, exp: nowS() + 300, nbf: nowS() }]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  await assert.rejects(ours(`${none}.`), (error) => rejectReason(error) !== undefined)
})

test('a body that was changed on its way, by a byte, is refused', async () => {
  const { ours, theirs } = setup()
  const changed = body.replace('aaaaaaaaaaaa', 'aaaaaaaaaaab')
  await assert.rejects(ours(sign(), changed), (error) => rejectReason(error) === 'body')
  await assert.rejects(theirs(sign(), changed))
})

test('a signature whose fire was acknowledged is refused from then on; one whose fire failed is not', async () => {
  const { ours } = setup()
  const signature = sign()
  await ours(signature)
  const fire = await ours(signature)
  fire.acknowledged?.()
  await assert.rejects(ours(signature), (error) => rejectReason(error) === 'replay')
  await ours(sign())
})

test('without a signature, or with a very long one, a fire is refused before any work', async () => {
  const check = createSignatureCheck({ fireUrl, keys: ['a', 'b'] })
  await assert.rejects(check(undefined), (error) => rejectReason(error) === 'missing')
  await assert.rejects(check('a'.repeat(9_000)), (error) => rejectReason(error) === 'too_large')
})

test('after the keys were rolled, the service that knows the next key still accepts', async () => {
  const { ours, theirs } = setup()
  qstash.rollKeys()
  assert.equal(await theirs(sign()), true)
  await ours(sign())
})
