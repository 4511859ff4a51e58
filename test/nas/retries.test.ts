import assert from 'node:assert/strict'
import { test } from 'node:test'
import { at, setup, startMs } from './setup.ts'

/** Seconds after the start at which the job was fired. */
function firedAtS(nas: { log: readonly { kind: string; at: string }[] }): number[] {
  const fires = nas.log.filter((entry) => entry.kind === 'fire')
  return fires.map((entry) => (Date.parse(entry.at) - startMs) / 1_000)
}

test('a fire without a 2xx is repeated with growing gaps, until it is given up', async (t) => {
  const { nas, provision } = await setup(t, {}, (fire) => fire.answer(404))
  await provision('job1', at(0))
  await nas.advance(7 * 86_400_000)
  const times = firedAtS(nas)
  const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0))
  const hours = [1, 2, 3, 4, 5, 6, 6, 6, 6, 6, 6, 6].map((count) => count * 3_600)
  assert.deepEqual(gaps, [2, 5, 15, 60, 300, 900, 1_800, ...hours])
  assert.deepEqual(nas.held(), [])
})

test('a fire that is owed stays in the list, and a 2xx to its retry ends it', async (t) => {
  const { nas, client, provision } = await setup(t, {}, (fire, index) => fire.answer(index < 2 ? 500 : 200))
  await provision('job1', at(0))
  await nas.idle()
  assert.equal((await client.list()).length, 1)
  await nas.advance(86_400_000)
  assert.deepEqual(firedAtS(nas), [0, 2, 7])
  assert.deepEqual(await client.list(), [])
})

test('the scale shortens gaps, and a longer Retry-After is waited for as it is', async (t) => {
  const { nas, provision } = await setup(
    t,
    { retryGapsMs: [10_000, 10_000, 10_000], retryScale: 0.1 },
    (fire, index) => fire.answer(503, index === 1 ? { 'retry-after': '30' } : {}),
  )
  await provision('job1', at(0))
  await nas.advance(86_400_000)
  assert.deepEqual(firedAtS(nas), [0, 1, 31, 32])
})

test('a target that cannot be reached, or does not answer in time, is tried again', async (t) => {
  const { nas, client, target, provision } = await setup(
    t,
    { fireTimeoutMs: 100, retryGapsMs: [1_000] },
    (fire, index) => void (index > 0 && fire.answer(202)),
  )
  await provision('job1', at(0))
  await nas.advance(1_000)
  const [late, taken] = nas.fires('job1')
  assert.equal(late?.status, null)
  assert.match(late?.error ?? '', /due to timeout/)
  assert.deepEqual([taken?.status, taken?.error], [202, null])
  await client.provision('job2', at(0), target.url.replace(/:\d+/, ':9'))
  await nas.idle()
  assert.equal(nas.fires('job2')[0]?.status, null)
  assert.equal(nas.armed().length, 1)
})

test('a redirect is not followed and counts as a failure', async (t) => {
  const { nas, target, provision } = await setup(t, { retryGapsMs: [] }, (fire) =>
    fire.answer(307, { location: '/' }),
  )
  await provision('job1', at(0))
  await nas.idle()
  assert.deepEqual([nas.fires()[0]?.status, target.fires.length], [307, 1])
})

test('fireNow fires an arm before its instant and gives the answer', async (t) => {
  const { nas, target, provision } = await setup(t)
  await provision('job1', at(3_600_000))
  const answer = await nas.fireNow('job1')
  assert.deepEqual([answer.status, answer.body], [202, { status: 'accepted' }])
  assert.deepEqual(target.fires[0]?.body, { job_id: 'job1', fire_at: at(3_600_000) })
  assert.deepEqual(nas.armed(), [])
  await assert.rejects(nas.fireNow('job1'), /nothing is armed for job job1/)
})

test('sendFire sends any body and token, and touches no row', async (t) => {
  const { nas, target, provision } = await setup(t)
  await provision('job1', at(60_000))
  const answer = await nas.sendFire({ url: target.url, body: { job_id: 'job1' }, token: 'rubbish' })
  assert.equal(answer.status, 202)
  assert.equal(target.fires[0]?.token, 'rubbish')
  assert.equal(nas.armed().length, 1)
})
