import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NasOptions } from '../../dev/nas/index.ts'
import { misbehavioursOf, modes } from '../../dev/nas/modes.ts'
import { helpPage, readCommandLine } from '../../dev/nas/options.ts'
import { at, instants, setup } from './setup.ts'

test('by default every mode is as the contract has it: nothing misbehaves', async (t) => {
  const defaults = Object.fromEntries(
    Object.entries(modes).map(([name, { readings }]) => [
      name,
      Object.entries(readings).find(([, plays]) => plays === null)?.[0],
    ]),
  )
  assert.equal(Object.values(defaults).includes(undefined), false)
  const { nas } = await setup(t, { modes: defaults })
  assert.deepEqual(nas.misbehaving(), [])
})

test('each other reading is one misbehaviour, and an unknown one is refused by its name', async (t) => {
  for (const [name, { readings }] of Object.entries(modes))
    for (const [reading, plays] of Object.entries(readings)) {
      const { nas } = await setup(t, { modes: { [name]: reading } })
      assert.equal(nas.misbehaving().length, plays === null ? 0 : 1, `${name} ${reading}`)
    }
  assert.throws(
    () => misbehavioursOf({ rows: 'eaten' }),
    /--rows is eaten, expected one of delivered, kept, forgotten/,
  )
})

test('rows: on a 2xx the delivered arm goes, or nothing, or even a newer arm', async (t) => {
  const left = { delivered: [at(120_000)], kept: [at(120_000)], forgotten: [] }
  for (const [rows, expected] of Object.entries(left)) {
    const { nas, client, target } = await setup(t, { modes: { rows } }, (fire) => {
      void client.provision('job1', at(120_000), target.url).then(() => fire.answer(202))
    })
    await client.provision('job1', at(60_000), target.url)
    await nas.advance(60_000)
    assert.deepEqual(instants(nas.armed()), expected, rows)
    assert.equal(target.fires.length, 1)
  }
})

test('rows kept: an arm that was delivered and not replaced stays in the list', async (t) => {
  const { nas, provision } = await setup(t, { modes: { rows: 'kept' } })
  await provision('job1', at(1_000))
  await nas.advance(1_000)
  assert.deepEqual(instants(nas.armed()), [at(1_000)])
})

test('no mode takes the name of another option', () => {
  const { nas } = readCommandLine(['--refresh-token', 'rt_given', '--token-from', 'both']) as {
    nas: NasOptions
  }
  assert.deepEqual([nas.refreshToken, nas.modes], ['rt_given', { 'token-from': 'both' }])
  const names = helpPage().match(/^ +(?:-\w, )?--[a-z-]+/gm) ?? []
  assert.equal(new Set(names.map((name) => name.trim())).size, names.length)
})

test('list missing: 404', async (t) => {
  const { client } = await setup(t, { modes: { list: 'missing' } })
  assert.equal((await client.call('GET', '/api/agent-cron/list')).status, 404)
})

test('provision-answer: what was carried out is answered in every form of yes', async (t) => {
  const expected = { 201: [201, true], 204: [204, false], empty: [200, false], 'no-id': [200, false] }
  for (const [reading, [status, hasId]] of Object.entries(expected)) {
    const { nas, provision } = await setup(t, { modes: { 'provision-answer': reading } })
    const answer = await provision('job1', at(1_000))
    assert.deepEqual(
      [answer.status, typeof answer.body['schedule_id'] === 'string'],
      [status, hasId],
      reading,
    )
    assert.equal(nas.armed().length, 1)
  }
})

test('a provision that is refused is refused, whatever a yes looks like', async (t) => {
  const { nas, client, target } = await setup(t, { modes: { 'provision-answer': 'empty', horizon: 'week' } })
  const answer = await client.provision('job1', at(8 * 86_400_000), target.url)
  assert.deepEqual([answer.status, nas.armed().length], [422, 0])
})

test('token-from: it is read where the mode says', async (t) => {
  const takes = {
    either: { header: 200, form: 200, both: 200 },
    header: { header: 200, form: 400, both: 200 },
    form: { header: 400, form: 200, both: 200 },
    both: { header: 400, form: 400, both: 200 },
  }
  for (const [reading, places] of Object.entries(takes))
    for (const [place, status] of Object.entries(places)) {
      const { nas, client } = await setup(t, { modes: { 'token-from': reading } })
      const token = nas.refreshToken()
      const form = new URLSearchParams({ grant_type: 'refresh_token', client_id: nas.clientId })
      if (place !== 'header') form.set('refresh_token', token)
      const headers: Record<string, string> = place === 'form' ? {} : { 'x-nous-refresh-token': token }
      const answer = await client.call('POST', '/oauth/token', form, headers)
      assert.equal(answer.status, status, `${reading}, sent in ${place}`)
    }
})

test('dead-login: a spent token is refused with the code of the mode', async (t) => {
  const expected: [string, number, string | undefined][] = [
    ['invalid_grant', 400, 'invalid_grant'],
    ['invalid_token', 400, 'invalid_token'],
    ['refresh_token_reused', 400, 'refresh_token_reused'],
    ['401', 401, undefined],
    ['403', 403, undefined],
  ]
  for (const [reading, status, error] of expected) {
    const { nas, client } = await setup(t, { modes: { 'dead-login': reading } })
    const token = nas.refreshToken()
    await client.refresh(token)
    const answer = await client.refresh(token)
    assert.deepEqual([answer.status, answer.body['error']], [status, error], reading)
  }
})

test('retries few: four tries in half an hour, then the fire is given up', async (t) => {
  const { nas, target, provision } = await setup(t, { modes: { retries: 'few' } }, (fire) => fire.answer(503))
  await provision('job1', at(0))
  await nas.advance(35 * 60_000)
  assert.equal(target.fires.length, 4)
  assert.deepEqual(nas.held(), [])
  assert.deepEqual(
    nas.fires('job1').map((fire) => Date.parse(fire.at) - Date.parse(at(0))),
    [0, 12_000, 162_000, 1_962_000],
  )
})

test('fire-at: it comes back in the form of the mode, the same instant but for what is cut', async (t) => {
  const expected = {
    given: '2026-06-18T12:00:01.500Z',
    seconds: '2026-06-18T12:00:01Z',
    utc: '2026-06-18T12:00:01.500+00:00',
    offset: '2026-06-18T08:30:01.500-03:30',
    absent: undefined,
  }
  for (const [reading, fireAt] of Object.entries(expected)) {
    const { nas, target, provision } = await setup(t, { modes: { 'fire-at': reading } })
    await provision('job1', at(1_500))
    await nas.advance(1_500)
    assert.equal(target.fires[0]?.body.fire_at, fireAt, reading)
  }
})
