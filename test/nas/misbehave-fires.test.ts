import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { misbehaviours } from '../../dev/nas/index.ts'
import { at, claimsOf, instants, setup, startMs } from './setup.ts'

test('hold_fires fires nothing until it is taken back', async (t) => {
  const { nas, target, provision } = await setup(t, { misbehave: ['hold_fires'] })
  await provision('job1', at(60_000))
  await nas.advance(120_000)
  assert.equal(target.fires.length, 0)
  await nas.behave('hold_fires')
  await nas.idle()
  assert.equal(target.fires.length, 1)
})

test('fire_early and fire_late shift fires, also of what is armed already', async (t) => {
  const { nas, target, provision } = await setup(t)
  await provision('job1', at(60_000))
  await nas.misbehave('fire_early', 2_000)
  await nas.setTime(at(57_999))
  assert.equal(target.fires.length, 0)
  await nas.setTime(at(58_000))
  assert.equal(target.fires.length, 1)
  await nas.behave()
  await nas.misbehave('fire_late', '5s', { jobId: 'job2' })
  await provision('job2', at(70_000))
  await provision('job3', at(70_000))
  await nas.setTime(at(74_999))
  assert.deepEqual(target.jobs(), ['job1', 'job3'])
  await nas.setTime(at(75_000))
  assert.deepEqual(target.jobs(), ['job1', 'job3', 'job2'])
})

test('duplicate delivers a fire several times, each with its own token', async (t) => {
  const { nas, target, provision } = await setup(t, { misbehave: ['duplicate=3'] })
  await provision('job1', at(60_000))
  await nas.setTime(at(60_000))
  assert.equal(target.fires.length, 3)
  assert.equal(new Set(target.fires.map((fire) => fire.token)).size, 3)
  assert.deepEqual(nas.armed(), [])
})

test('reorder delivers a fire after the next one, or at the latest after its time', async (t) => {
  const { nas, target, provision } = await setup(t)
  await nas.misbehave('reorder', '10m', { times: 1 })
  await provision('job1', at(60_000))
  await nas.setTime(at(60_000))
  await provision('job1', at(90_000))
  await nas.setTime(at(90_000))
  await target.arrived(2)
  assert.deepEqual(instants(target.fires.map((fire) => fire.body)), [at(90_000), at(60_000)])
  await nas.misbehave('reorder', '10m')
  await provision('job2', at(100_000))
  await nas.setTime(at(699_999))
  assert.equal(target.fires.length, 2)
  await nas.setTime(at(700_000))
  assert.equal(target.fires.length, 3)
})

test('omit_fire_at leaves fire_at out of the body; token_claims names job and instant in the token', async (t) => {
  const { nas, target, provision } = await setup(t, { misbehave: ['omit_fire_at', 'token_claims'] })
  await provision('job1', at(0))
  await nas.idle()
  assert.deepEqual(target.fires[0]?.body, { job_id: 'job1' })
  const claims = claimsOf(target.fires[0])
  assert.deepEqual([claims['job_id'], claims['fire_at']], ['job1', at(0)])
})

test('bad_token signs fires in the wrong way that is named, once if asked', async (t) => {
  const { nas, target, provision } = await setup(t)
  await nas.misbehave('bad_token', 'wrong_aud', { times: 1 })
  await provision('job1', at(0))
  await nas.idle()
  await provision('job1', at(-1))
  await nas.idle()
  assert.deepEqual(
    target.fires.map((fire) => claimsOf(fire)['aud']),
    ['agent:somebody-else', 'agent:local'],
  )
})

test('every kind of bad token is refused by the JWK set and the claims that are expected', async (t) => {
  const { nas, client, target, provision } = await setup(t)
  const jwks = (await client.call('GET', '/.well-known/jwks.json')).body as unknown as JSONWebKeySet
  const expected = { issuer: nas.issuer, audience: nas.audience, requiredClaims: ['exp', 'iat'] }
  const isGood = async (token: string) => {
    const { payload } = await jwtVerify(token, createLocalJWKSet(jwks), {
      ...expected,
      algorithms: ['ES256'],
    })
    return payload['purpose'] === 'cron_fire'
  }
  for (const [index, word] of misbehaviours.bad_token.words.entries()) {
    await nas.misbehave('bad_token', word)
    await provision('job1', at(-index))
    await nas.idle()
    assert.equal(await isGood(target.fires[index]?.token ?? '').catch(() => false), false, word)
  }
  await nas.behave()
  await provision('job1', at(-60_000))
  await nas.idle()
  assert.equal(await isGood(target.fires.at(-1)?.token ?? ''), true)
})

test('ignore_2xx repeats a fire that was acknowledged', async (t) => {
  const { nas, target, provision } = await setup(t, { retryGapsMs: [1_000, 1_000] })
  await nas.misbehave('ignore_2xx', undefined, { times: 1 })
  await provision('job1', at(60_000))
  await nas.setTime(at(60_000))
  assert.equal(nas.armed().length, 1)
  await nas.advance(1_000)
  assert.equal(target.fires.length, 2)
  assert.deepEqual(nas.armed(), [])
})

test('give_up_after drops a fire after so many tries', async (t) => {
  const { nas, target, provision } = await setup(t, { misbehave: ['give_up_after=2'] }, (fire) =>
    fire.answer(503),
  )
  await provision('job1', at(60_000))
  await nas.advance(86_400_000)
  assert.equal(target.fires.length, 2)
  assert.deepEqual(nas.held(), [])
})

test('forget_on_2xx deletes the row even if it was provisioned anew during the fire', async (t) => {
  const { nas, target, provision } = await setup(t, { misbehave: ['forget_on_2xx'] }, (fire) => {
    void provision('job1', at(120_000)).then(() => fire.answer(202))
  })
  await provision('job1', at(60_000))
  await nas.setTime(at(60_000))
  assert.deepEqual(nas.armed(), [])
  await nas.setTime(at(120_000))
  assert.equal(target.fires.length, 1)
})

test('forget_on_2xx with a delay deletes what was provisioned after the answer, too', async (t) => {
  const { nas, provision } = await setup(t, { misbehave: ['forget_on_2xx=5s'] })
  await provision('job1', at(60_000))
  await nas.setTime(at(60_000))
  await provision('job1', at(120_000))
  await nas.setTime(at(64_999))
  assert.equal(nas.armed().length, 1)
  await nas.setTime(at(65_000))
  assert.deepEqual(nas.held(), [])
})

test('keep keeps the row after a 2xx: the same instant again is a no-op', async (t) => {
  const { nas, target, provision } = await setup(t, { misbehave: ['keep'] })
  const first = await provision('job1', at(60_000))
  await nas.setTime(at(60_000))
  assert.deepEqual(instants(nas.armed()), [at(60_000)])
  assert.deepEqual((await provision('job1', at(60_000))).body, first.body)
  await nas.idle()
  assert.equal(target.fires.length, 1)
  await provision('job1', at(61_000))
  await nas.setTime(at(61_000))
  assert.equal(target.fires.length, 2)
  assert.equal(nas.held().length, 1)
})

test('a replaced arm keeps the retries it owes; cancel_retries_on_replace drops them', async (t) => {
  const answers = [503, 202, 503, 202]
  const { nas, target, provision } = await setup(t, { retryGapsMs: [10_000] }, (fire, index) =>
    fire.answer(answers[index] ?? 500),
  )
  await provision('job1', at(60_000))
  await nas.setTime(at(60_000))
  await provision('job1', at(600_000))
  await nas.setTime(at(70_000))
  assert.deepEqual(instants(target.fires.map((fire) => fire.body)), [at(60_000), at(60_000)])

  await nas.misbehave('cancel_retries_on_replace')
  await provision('job1', at(80_000))
  await nas.setTime(at(80_000))
  await provision('job1', at(601_000))
  await nas.setTime(at(500_000))
  assert.equal(target.fires.length, 3)
  await nas.setTime(at(601_000))
  assert.equal(target.fires.at(-1)?.body.fire_at, at(601_000))
})

test('cancel_retries_on_replace drops them also where the replacement came during the fire', async (t) => {
  const { nas, target, provision } = await setup(t, { misbehave: ['cancel_retries_on_replace'] }, (fire) => {
    void provision('job1', at(600_000)).then(() => fire.answer(503))
  })
  await provision('job1', at(60_000))
  await nas.setTime(at(599_999))
  assert.equal(target.fires.length, 1)
  assert.deepEqual(instants(nas.held()), [at(600_000)])
})

test('a cancel drops owed retries; cancel_keeps_retries leaves them', async (t) => {
  const { nas, target, client, provision } = await setup(t, { retryGapsMs: [10_000] }, (fire) =>
    fire.answer(503),
  )
  await provision('job1', at(60_000))
  await nas.setTime(at(60_000))
  await client.cancel('job1')
  assert.deepEqual(nas.held(), [])
  await nas.misbehave('cancel_keeps_retries')
  await provision('job1', at(61_000))
  await nas.setTime(at(61_000))
  await client.cancel('job1')
  assert.deepEqual(nas.armed(), [])
  await nas.setTime(at(71_000))
  assert.equal(target.fires.length, 3)
})

test('skew sets the whole clock of the NAS ahead: fires come early, tokens are of the future', async (t) => {
  const { nas, target, provision } = await setup(t, {
    misbehave: ['skew=2m'],
    tokenNow: (clockMs) => clockMs,
  })
  await provision('job1', at(180_000))
  await nas.setTime(at(60_000))
  assert.equal(target.fires.length, 1)
  assert.equal(claimsOf(target.fires[0])['iat'], (startMs + 180_000) / 1_000)
})
