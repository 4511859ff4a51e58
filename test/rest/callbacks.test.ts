import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { type Json, type Service, startService } from '../support/service.ts'
import { answerTo, codeOf, type RawAnswer, send } from './setup.ts'

const key = randomBytes(32)
let service: Service
let waiting: { job: Json; path: string }

before(async () => {
  service = await startService({
    clock: '2026-06-18T08:00:00Z',
    env: { ENCRYPTION_KEY: key.toString('base64') },
  })
  service.target.behave('/hook', { does: 'status', value: 202 })
  const action = { type: 'http', url: `${service.target.url}/hook`, callback: { deadline_ms: 60_000 } }
  const job = await service.makeJob({ action })
  await service.api('POST', `/api/jobs/${job.id}/run`)
  const [call] = await service.target.waitFor(1)
  waiting = { job, path: new URL(call?.headers['x-chronos-callback'] ?? '').pathname }
})
after(() => service.close())

const asJson = { 'content-type': 'application/json' }
const body = (value: unknown) => JSON.stringify(value)
const said = ({ status, body: text }: RawAnswer) => codeOf({ status, body: JSON.parse(text) })
const sign = (text: string, secret: Buffer) => {
  const derived = createHmac('sha256', secret).update('chronos callback').digest()
  return `${text}.${createHmac('sha256', derived).update(text).digest('base64url')}`
}
const someText = Buffer.from('ab12cd34ef56.7d2c9f0e-1a2b-4c3d-8e4f-5a6b7c8d9e0f.1.1').toString('base64url')

const forged: [string, () => string][] = [
  ['a token of another key', () => sign(someText, randomBytes(32))],
  ['a token with another text', () => `${someText}.${waiting.path.split('.').at(-1)}`],
  ['a token with something after it', () => `${waiting.path.split('/').at(-1)}.x`],
  ['a token that is cut', () => waiting.path.split('/').at(-1)?.slice(0, -1) ?? ''],
  ['no signature', () => someText],
  ['an empty signature', () => `${someText}.`],
]
for (const [what, token] of forged) {
  test(`${what} is refused before the body is read`, async () => {
    const answer = await answerTo(service, [
      `POST /api/callbacks/${token()} HTTP/1.1`,
      'Content-Type: application/json',
    ])
    assert.match(answer, /^HTTP\/1\.1 401 /)
    assert.match(answer, /TOKEN_REJECTED/)
  })
}

test('a forged token is refused without the database, a good one waits for it', async (t) => {
  const database = { ...service.database, url: 'postgres://nobody@127.0.0.1:1/nothing' }
  const env = { ENCRYPTION_KEY: key.toString('base64') }
  const blind = await startService({ database, nas: service.nas, target: service.target, env, begin: false })
  t.after(() => blind.close())
  const report = { headers: asJson, body: body({ state: 'succeeded' }) }
  assert.equal(
    said(await send(blind, { path: `/api/callbacks/${sign(someText, randomBytes(32))}`, ...report })),
    '401 TOKEN_REJECTED',
  )
  assert.equal(said(await send(blind, { path: waiting.path, ...report })), '503 DATABASE_UNAVAILABLE')
})

test('an API key is no right to report', async () => {
  const headers = { ...asJson, authorization: 'Bearer test-key-0123456789abcdef' }
  const answer = await send(service, {
    path: `/api/callbacks/${someText}.x`,
    headers,
    body: body({ state: 'succeeded' }),
  })
  assert.equal(said(answer), '401 TOKEN_REJECTED')
})

test('a job that is not there (any more) is gone', async () => {
  const report = { headers: asJson, body: body({ state: 'succeeded' }) }
  assert.equal(
    said(await send(service, { path: `/api/callbacks/${sign(someText, key)}`, ...report })),
    '410 CALLBACK_GONE',
  )
})

const refused: [string, string, Record<string, string>, string][] = [
  ['no JSON', '{', asJson, '400 BODY_NOT_JSON'],
  ['another type', 'state=succeeded', { 'content-type': 'text/plain' }, '415 MEDIA_TYPE_UNSUPPORTED'],
  ['no state', body({ output: 'x' }), asJson, '400 FIELD_INVALID'],
  ['a state that is none', body({ state: 'running' }), asJson, '400 FIELD_INVALID'],
  ['a list', body([]), asJson, '400 FIELD_INVALID'],
  [
    'more than 256 KiB',
    body({ state: 'succeeded', output: 'x'.repeat(300_000) }),
    asJson,
    '413 BODY_TOO_LARGE',
  ],
]
for (const [what, sent, headers, expected] of refused) {
  test(`a report with ${what} is answered ${expected}, and the run still waits`, async () => {
    assert.equal(said(await send(service, { path: waiting.path, headers, body: sent })), expected)
    const { runs } = (await service.api('GET', `/api/jobs/${waiting.job.id}/runs`)).body
    assert.equal(runs[0].state, 'waiting')
  })
}

test('a process that goes down answers 503, and the target is to report again', async (t) => {
  const { database, nas, target } = service
  const env = { ENCRYPTION_KEY: key.toString('base64') }
  const leaving = await startService({ database, nas, target, env, begin: false })
  t.after(() => leaving.close())
  const release = leaving.app.holds.take('delivery')
  const gone = leaving.app.drain()
  const answer = await send(leaving, {
    path: waiting.path,
    headers: asJson,
    body: body({ state: 'succeeded' }),
  })
  assert.equal(said(answer), '503 DRAINING')
  assert.ok(Number(answer.headers['retry-after']) > 0)
  release()
  await gone
})

test('a long output is cut, and a NUL in it is no trouble', async () => {
  const output = `a\0b${'x'.repeat(100_000)}`
  const answer = await send(service, {
    path: waiting.path,
    headers: asJson,
    body: body({ state: 'succeeded', output }),
  })
  assert.equal(answer.status, 200)
  const { runs } = (await service.api('GET', `/api/jobs/${waiting.job.id}/runs`)).body
  const { run } = (await service.api('GET', `/api/runs/${runs[0].id}`)).body
  const kept = String(run.output)
  assert.deepEqual([run.state, kept.length, kept.slice(0, 3)], ['succeeded', 64 * 1024, 'abx'])
})
