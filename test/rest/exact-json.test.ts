import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { readJson } from '../../routes/json.ts'
import { keepsItsValue } from '../../routes/json-number.ts'
import { type Service, startService } from '../support/service.ts'
import { asJson, codeOf, type Problem, send } from './setup.ts'

let service: Service
before(async () => {
  service = await startService({ begin: false })
})
after(() => service.close())

async function post(path: string, body: string | Buffer): Promise<{ code: string; problem: Problem }> {
  const answer = await send(service, { path, headers: asJson, body })
  const problem = JSON.parse(answer.body) as Problem
  return { code: codeOf({ status: answer.status, body: problem }), problem }
}

test('a body that is not UTF-8 is not JSON, and nothing of it is kept', async () => {
  const [start, end] = [
    '{"name":"caf',
    '","schedule":"30m","action":{"type":"http","url":"https://example.com/"}}',
  ]
  const body = Buffer.concat([Buffer.from(start), Buffer.from([0xe9]), Buffer.from(end)])
  assert.equal((await post('/api/jobs', body)).code, '400 BODY_NOT_JSON')
  const { body: list } = await service.api('GET', '/api/jobs')
  assert.deepEqual(list.jobs, [])
})

test('a number that would be changed is refused with its path, in a job, an input and a list', async () => {
  const { id } = await service.makeJob()
  for (const number of ['1097559412345678901', '1e400', '-1e400', '1e-400', '9007199254740993']) {
    const action = `{"type":"http","url":"https://example.com/","body":{"snow":[1,${number}]}}`
    const job = await post('/api/jobs', `{"name":"a","schedule":"30m","action":${action}}`)
    assert.equal(job.code, '400 FIELD_INVALID', number)
    assert.deepEqual(
      job.problem.errors?.map(({ path }) => path),
      ['action.body.snow[1]'],
    )
    const run = await post(`/api/jobs/${id}/run`, `{"input":{"id":${number}}}`)
    assert.equal(run.code, '400 FIELD_INVALID', number)
    assert.match(run.problem.detail, /^input\.id: the number .* Send it as a text\.$/)
  }
})

test('numbers that a 64-bit float holds are taken in every way of writing them', () => {
  const kept = [
    ...[
      '0',
      '-0',
      '0.0',
      '0e9999',
      '1.0',
      '100',
      '1e2',
      '1E+2',
      '1.5e0000000003',
      '9007199254740992',
      '1e23',
    ],
    ...[
      '5e-324',
      '0.1',
      '0.30000000000000004',
      '0.1000000000000000055511151231257827',
      `1${'0'.repeat(300)}`,
    ],
  ]
  for (const number of kept) assert.equal(keepsItsValue(number), true, number)
  assert.deepEqual(readJson(Buffer.from(`[${kept.join()}]`)), kept.map(Number))
  for (const number of [
    `1${'0'.repeat(400)}`,
    `0.${'0'.repeat(400)}1`,
    '12345678901234567.5',
    `1e${'9'.repeat(1000)}`,
  ])
    assert.equal(keepsItsValue(number), false, number)
})

test('a report keeps the digits of its numbers', () => {
  const text = '{"state":"succeeded","output":{"id":1097559412345678901,"x":[1e400,0.5]}}'
  assert.equal(JSON.stringify(readJson(Buffer.from(text), { keepsNumbers: true })), text)
})

test('a name that stands twice in one object is refused with its path, however it is written', async () => {
  const { id } = await service.makeJob()
  const { code, problem } = await post(`/api/jobs/${id}/run`, '{"input":{"a":{"x":1,"\\u0078":2}}}')
  assert.equal(code, '400 FIELD_INVALID')
  assert.deepEqual(
    problem.errors?.map(({ path }) => path),
    ['input.a.x'],
  )
  const same = '{"a":"a","b":{"a":"b"},"c":["b",{"b" : "b"}],"d":"x"}'
  assert.deepEqual(readJson(Buffer.from(same)), JSON.parse(same))
})

test('`__proto__` is refused, also where it is escaped', async () => {
  const { id } = await service.makeJob()
  for (const name of ['__proto__', '\\u005f_proto__'])
    assert.equal(
      (await post(`/api/jobs/${id}/run`, `{"input":{"${name}":{"x":1}}}`)).code,
      '400 BODY_NOT_JSON',
    )
})

test('a byte order mark is not part of the body', () => {
  assert.deepEqual(readJson(Buffer.from('\ufeff{"a":1}')), { a: 1 })
})

test('what would steer a terminal is refused in names and escaped in refusals', async () => {
  const good = { schedule: '30m', action: { type: 'http', url: 'https://example.com/' } }
  for (const bad of ['\u001b[31mred', 'a\u009b2J', 'evil\u202etxt', 'two\nlines']) {
    const named: Record<string, unknown>[] = [
      { ...good, name: bad },
      { ...good, name: 'a', tags: [bad] },
      { ...good, name: 'a', skills: [bad] },
      { ...good, name: 'a', [bad]: 1 },
      { ...good, name: 'a', overlap: bad },
    ]
    for (const fields of named) {
      const { status, body } = await service.api('POST', '/api/jobs', fields)
      assert.equal(status, 400)
      const { detail } = body as Problem
      assert.doesNotMatch(detail, /[\p{Cc}\u202e]/u)
    }
    const { status } = await service.api('POST', '/api/keys', { name: bad, scopes: ['jobs:read'] })
    assert.equal(status, 400)
  }
  const { job } = (await service.api('POST', '/api/jobs', { ...good, name: 'Grüße, שלום, 日本 🕰' })).body
  assert.equal(job.name, 'Grüße, שלום, 日本 🕰')
})
