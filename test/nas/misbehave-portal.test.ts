import assert from 'node:assert/strict'
import { test } from 'node:test'
import { at, instants, setup } from './setup.ts'

const jwks = '/.well-known/jwks.json'

test('down=refuse refuses connections until it is taken back, and fires go on', async (t) => {
  const { nas, target, client, provision } = await setup(t)
  await provision('job1', at(60_000))
  await nas.misbehave('down')
  await assert.rejects(provision('job2', at(60_000)), (error: Error) =>
    /ECONNREFUSED/.test(String(error.cause)),
  )
  await nas.advance(60_000)
  assert.equal(target.fires.length, 1)
  await nas.behave('down')
  assert.deepEqual(await client.list(), [])
})

test('down=refuse:10s ends by itself', async (t) => {
  const { nas, client } = await setup(t)
  await nas.misbehave('down', 'refuse:10s')
  await assert.rejects(client.list())
  await nas.advance(10_000)
  await nas.waitFor(() => nas.misbehaving().length === 0)
  assert.deepEqual(await client.list(), [])
})

test('down=reset cuts every connection, and down=503 answers 503', async (t) => {
  const { nas, client } = await setup(t)
  await nas.misbehave('down', 'reset')
  await assert.rejects(client.call('GET', jwks))
  assert.equal(nas.requests('jwks')[0]?.status, null)
  await nas.misbehave('down', '503')
  assert.equal((await client.call('GET', jwks)).status, 503)
  assert.equal((await client.call('GET', '/api/agent-cron/list')).status, 503)
})

test('slow does the work at once and answers later', async (t) => {
  const { nas, provision } = await setup(t)
  await nas.misbehave('slow', 150)
  const beganMs = performance.now()
  const answer = provision('job1', at(60_000))
  const row = await nas.waitFor(() => nas.armed()[0])
  assert.equal((await answer).body['schedule_id'], row.schedule_id)
  assert.ok(performance.now() - beganMs >= 145)
})

test('lose_answer does the work and answers nothing, for the call named, as often as asked', async (t) => {
  const { nas, client, provision } = await setup(t)
  await nas.misbehave('lose_answer', undefined, { call: 'provision', times: 1 })
  assert.deepEqual(await client.list(), [])
  await assert.rejects(provision('job1', at(60_000)))
  assert.deepEqual(instants(nas.armed()), [at(60_000)])
  assert.equal((await provision('job2', at(60_000))).status, 200)
})

test('answer does nothing and answers 403 invalid_client, 429 with Retry-After, 500, 401, a page or garbage', async (t) => {
  const { nas, provision } = await setup(t)
  const answers = []
  for (const value of ['403', '429:30', '500', '401', '502', 'firewall', 'garbage']) {
    await nas.misbehave('answer', value)
    const { status, body, headers } = await provision('job1', at(60_000))
    answers.push([status, body['error'] ?? null, headers.get('retry-after')])
  }
  assert.deepEqual(answers, [
    [403, 'invalid_client', null],
    [429, 'slow_down', '30'],
    [500, 'server_error', null],
    [401, 'invalid_token', null],
    [502, 'server_error', null],
    [403, null, null],
    [200, null, null],
  ])
  assert.deepEqual(nas.armed(), [])
})

test('jwks is down, empty, garbage, huge, slow, or without the key that signs', async (t) => {
  const { nas, client } = await setup(t)
  const get = async (value: string) => {
    await nas.misbehave('jwks', value)
    return client.call('GET', jwks)
  }
  assert.equal((await get('down')).status, 503)
  assert.deepEqual((await get('empty')).body, { keys: [] })
  assert.deepEqual((await get('garbage')).body, { text: 'keys: none {' })
  assert.ok(JSON.stringify((await get('huge')).body).length > 8_000_000)
  assert.deepEqual((await get('missing')).body, { keys: [] })
  const beganMs = performance.now()
  assert.equal(((await get('slow:100')).body['keys'] as unknown[]).length, 1)
  assert.ok(performance.now() - beganMs >= 95)
})

test('swallow_dedup ignores a key that was used before, though its row is gone', async (t) => {
  const { nas, client, provision } = await setup(t)
  const first = await provision('job1', at(60_000))
  await client.cancel('job1')
  await nas.misbehave('swallow_dedup')
  assert.deepEqual((await provision('job1', at(60_000))).body, first.body)
  assert.deepEqual(nas.armed(), [])
  await nas.behave()
  await provision('job1', at(60_000))
  assert.deepEqual(instants(nas.armed()), [at(60_000)])
})

test('reject_past answers 400 to an instant in the past and arms nothing', async (t) => {
  const { nas, provision } = await setup(t, { misbehave: ['reject_past'] })
  const answer = await provision('job1', at(-1_000))
  assert.deepEqual([answer.status, answer.body['error']], [400, 'fire_at_in_past'])
  assert.deepEqual(nas.armed(), [])
  assert.equal((await provision('job1', at(1_000))).status, 200)
})

test('max_horizon refuses what is further ahead, with 422 or the status named', async (t) => {
  const { nas, provision } = await setup(t, { misbehave: ['max_horizon=1d'] })
  const answer = await provision('job1', at(86_400_001))
  assert.deepEqual([answer.status, answer.body], [422, { error: 'fire_at_too_far', max_horizon_s: 86_400 }])
  assert.equal((await provision('job1', at(86_400_000))).status, 200)
  await nas.misbehave('max_horizon', '1h:400')
  assert.equal((await provision('job1', at(7_200_000))).status, 400)
  assert.deepEqual(instants(nas.armed()), [at(86_400_000)])
})

test('truncate_fire_at cuts to whole seconds: a millisecond later is the same instant', async (t) => {
  const { nas, target, provision } = await setup(t, { misbehave: ['truncate_fire_at'] })
  const first = await provision('job1', at(60_500))
  const second = await provision('job1', at(60_501))
  assert.deepEqual(first.body, second.body)
  assert.deepEqual(instants(nas.armed()), ['2026-06-18T12:01:00Z'])
  await nas.setTime(at(60_000))
  assert.equal(target.fires[0]?.body.fire_at, '2026-06-18T12:01:00Z')
})

test('reformat_fire_at gives the same instant back in another offset', async (t) => {
  const { nas, client, target, provision } = await setup(t, { misbehave: ['reformat_fire_at=+05:30'] })
  await provision('job1', at(60_000))
  assert.deepEqual(instants(await client.list()), ['2026-06-18T17:31:00.000+05:30'])
  await nas.misbehave('reformat_fire_at')
  await provision('job2', at(60_000))
  await nas.setTime(at(60_000))
  const fired = target.fires
    .map((fire) => fire.body.fire_at)
    .toSorted((a, b) => String(a).localeCompare(String(b)))
  assert.deepEqual(fired, ['2026-06-18T12:01:00.000+00:00', '2026-06-18T17:31:00.000+05:30'])
})

test('lock_while_relaying lets a provision wait until the fire of its job is answered', async (t) => {
  const { nas, target, provision } = await setup(t, { misbehave: ['lock_while_relaying'] }, () => {})
  await provision('job1', at(60_000))
  nas.jump(at(60_000))
  await target.arrived(1)
  const locked = provision('job1', at(120_000))
  await provision('job2', at(120_000))
  assert.equal(
    nas.armed().some((row) => row.fire_at === at(120_000) && row.job_id === 'job1'),
    false,
  )
  target.fires[0]?.answer(202)
  assert.equal((await locked).status, 200)
  assert.deepEqual(instants(nas.armed()), [at(120_000), at(120_000)])
})

test('answer_after_fire answers a provision in the past only when its fire was answered', async (t) => {
  const { nas, target, provision } = await setup(t, { misbehave: ['answer_after_fire'] }, () => {})
  const provisioned = provision('job1', at(-1_000))
  await target.arrived(1)
  assert.equal(nas.requests('provision').length, 0)
  target.fires[0]?.answer(202)
  assert.equal((await provisioned).status, 200)
})

test('list_stale shows what was armed when it began', async (t) => {
  const { nas, client, provision } = await setup(t)
  await provision('job1', at(60_000))
  await nas.misbehave('list_stale')
  await provision('job1', at(120_000))
  await provision('job2', at(120_000))
  assert.deepEqual(instants(await client.list()), [at(60_000)])
  await nas.behave()
  assert.deepEqual(instants(await client.list()), [at(120_000), at(120_000)])
})

test('list_partial leaves rows out, and list_foreign adds rows that nobody armed', async (t) => {
  const { nas, client, provision } = await setup(t)
  for (const job of ['job1', 'job2', 'job3']) await provision(job, at(60_000))
  await nas.misbehave('list_partial', 2)
  assert.equal((await client.list()).length, 2)
  await nas.misbehave('list_foreign', 3)
  assert.deepEqual(
    (await client.list()).map((row) => row['job_id']),
    ['job1', 'job2', 'f0f0f0f0f000', 'f0f0f0f0f001', 'f0f0f0f0f002'],
  )
  assert.equal(nas.armed().length, 3)
})
