import assert from 'node:assert/strict'
import { test } from 'node:test'
import Fastify from 'fastify'
import { logOptions } from '../../src/ground/log.ts'
import { createRedactor } from '../../src/redact/index.ts'

type Line = Record<string, unknown>

/** A logger as the service makes it, and what it wrote. */
function setup(redact?: (line: string) => string) {
  const texts: string[] = []
  const stream = { write: (line: string) => void texts.push(line) }
  const { log } = Fastify({ logger: { ...logOptions('info', redact), stream } })
  return { log, text: () => texts.join(''), last: () => JSON.parse(texts.at(-1) ?? '') as Line }
}

const secret = 'hunter2-hunter2'

test('whatever object is handed to the log, only what is plain in it is written', () => {
  const { log, text, last } = setup()
  const request = new Request('http://a.example/hook', { headers: { authorization: secret } })
  const fields = {
    ...{
      request,
      headers: request.headers,
      url: new URL(`http://a.example/${secret}`),
      map: new Map([[1, secret]]),
    },
    ...{ bytes: Buffer.from(secret), make: () => secret, symbol: Symbol(secret) },
    ...{ password: secret, options: { Authorization: secret, apiKey: secret, 'set-cookie': [secret] } },
    ...{
      count: 3,
      list: ['a', { b: 1 }],
      at: new Date(0),
      nothing: null,
      deep: { deep: { deep: { deep: {} } } },
    },
  }
  log.warn(fields, 'a message')
  assert.doesNotMatch(text(), /hunter2/)
  const { level, msg, request: shown, list, count, at, deep } = last()
  assert.deepEqual(
    { level, msg, shown, list, count, at, deep },
    {
      ...{ level: 'warn', msg: 'a message', shown: '[Request]', list: ['a', { b: 1 }], count: 3 },
      ...{ at: '1970-01-01T00:00:00.000Z', deep: { deep: { deep: { deep: '[Object]' } } } },
    },
  )
})

test('of an error its code and frames are told, and of a URL in its message the origin only', () => {
  const { log, text, last } = setup()
  const cause = Object.assign(new Error(`no https://user:${secret}@a.example/${secret}?key=${secret} here`), {
    ...{ code: 'E_URL', headers: { authorization: secret }, body: secret },
  })
  log.error({ err: new TypeError('fetch failed', { cause }) }, 'it broke')
  assert.doesNotMatch(text(), /hunter2/)
  const err = last()['err'] as { type: string; stack: string; cause: { code: string; message: string } }
  assert.deepEqual([err.type, err.cause.code], ['TypeError', 'E_URL'])
  assert.equal(err.cause.message, 'no https://a.example/… here')
  assert.match(err.stack, /^ {4}at .*log\.test\.ts/)
})

test('a message within a stack, of several lines and with frames of its own, is not repeated', () => {
  const { log, last } = setup()
  log.error({ err: new Error(`target said:\n    at ${secret} (x)\nhttp://a.example/${secret}`) }, 'it broke')
  const { stack } = last()['err'] as { stack: string }
  assert.doesNotMatch(stack, /hunter2/)
})

test('an error under another name, and a URL in a field, are told in the same way', () => {
  const { log, text, last } = setup()
  log.info(
    { reason: new Error(`http://a.example/${secret}`), callbackUrl: `http://a.example/${secret}` },
    'x',
  )
  assert.doesNotMatch(text(), /hunter2/)
  assert.equal(last()['callbackUrl'], 'http://a.example/…')
})

test('a line that is not info passes the redactor whole, its message too', () => {
  const { log, text, last } = setup(createRedactor([secret]).text)
  log.warn({ reason: `it said ${secret}` }, `the target said ${secret}`)
  assert.doesNotMatch(text(), /hunter2/)
  assert.deepEqual([last()['reason'], last()['msg']], ['it said [REDACTED]', 'the target said [REDACTED]'])
})

test('of a request and an answer method, path and status are told', () => {
  const { log, last } = setup()
  const req = { method: 'GET', url: `/api/jobs?key=${secret}`, headers: { authorization: secret } }
  log.info({ req, res: { statusCode: 200, headers: { 'set-cookie': secret } } }, 'x')
  assert.deepEqual(last()['req'], { method: 'GET', path: '/api/jobs' })
  assert.deepEqual(last()['res'], { status: 200 })
})

test('a line holds nothing that would steer a terminal, and is JSON all the same', () => {
  const { log, text, last } = setup()
  const name = 'a\u001b[2Jb\u009b31mc\u202ed\u2028e'
  log.warn({ name }, 'a message')
  assert.doesNotMatch(text().trimEnd(), /[\p{Cc}\u202e\u2028]/u)
  assert.equal(last()['name'], name)
})
