import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type TestContext, test } from 'node:test'
import type { Target } from '../../src/delivery/senders/index.ts'
import { createRedactor } from '../../src/redact/index.ts'
import { bodyOf, setup as setupAction } from '../actions/setup.ts'
import { send } from '../deliveries/setup.ts'
import { createNasClient, createStaticToken } from '../../src/timers/nas/index.ts'
import { startMailEcho } from './echo.ts'
import { collectLog, jobId, oddPortal, userAgent } from '../nas-client/setup.ts'

// What answers may repeat what it was sent, in any encoding, and so that a cut goes through it.

const token = 'AAGx7-Secr3tTokenOfABot_0815/+x'
const encodings: Record<string, (text: string) => string> = {
  'as it is': (text) => text,
  'percent-encoded': encodeURIComponent,
  'percent-encoded twice': (text) => encodeURIComponent(encodeURIComponent(text)),
  'in base64': (text) => Buffer.from(text).toString('base64'),
  'in base64, behind something': (text) => Buffer.from(`x:${text}`).toString('base64'),
  'in base64url': (text) => Buffer.from(text).toString('base64url'),
  'in hex': (text) => Buffer.from(text).toString('hex'),
}

/** A server that answers 400 with the words of `says`, in the form of each of the chat services. */
async function receiver(t: TestContext, says: () => string): Promise<string> {
  const server = createServer((_request, response) => {
    const words = says()
    response.writeHead(400, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ description: words, message: words, code: 1, error_code: 400 }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as { port: number }
  return `http://127.0.0.1:${port}`
}

/** Eight characters in a row of what is secret. */
function isShown(secret: string, text: string): boolean {
  return Array.from({ length: secret.length - 7 }, (_, at) => secret.slice(at, at + 8)).some((piece) =>
    text.includes(piece),
  )
}

for (const [name, encode] of Object.entries(encodings))
  test(`a bot token that comes back ${name} is in no error of a delivery, however it is cut`, async (t) => {
    let filler = 0
    const bot = `123456789:${token}`
    const api = await receiver(t, () => 'x'.repeat(filler) + encode(filler % 2 ? token : bot))
    const target: Target = { type: 'telegram', bot_token: bot, chat_id: 1, api_base: api }
    // the words are cut after 200 characters
    for (filler of [0, 1, 150, 165, 180, 185, 190]) {
      const delivered = await send(target)
      assert.notEqual(delivered.state, 'delivered')
      const message = 'error' in delivered ? delivered.error.message : ''
      assert.match(message, /answered 400/)
      assert.ok(!isShown(encode(token), message), `${filler}: ${message}`)
    }
  })

const path = 'T0A1B2C3D/B9Z8Y7X6W/kf82Jfq0ZpwMx3Lq'

test('of a URL that is secret its pieces are secret too', async (t) => {
  let words = ''
  const origin = await receiver(t, () => words)
  const target: Target = { type: 'discord', url: `${origin}/api/webhooks/${path}?key=hush-hush-0815` }
  for (words of [
    `/api/webhooks/${path}`,
    'kf82Jfq0ZpwMx3Lq',
    'no such hook: T0A1B2C3D',
    'key hush-hush-0815',
  ]) {
    const delivered = await send(target)
    const message = 'error' in delivered ? delivered.error.message : ''
    assert.match(message, /\[REDACTED\]/, words)
    assert.doesNotMatch(message, /kf82|T0A1|hush/)
  }
})

test('a mail server that repeats a password shows nothing of it', async (t) => {
  const mail = await startMailEcho([token])
  t.after(() => mail.close())
  const { port } = mail
  const target: Target = {
    ...{ type: 'email', host: '127.0.0.1', port, user: 'me', password: token },
    ...{ from: 'a@a.example', to: ['b@b.example'] },
  }
  const delivered = await send(target)
  const message = 'error' in delivered ? delivered.error.message : ''
  assert.match(message, /535 not you: AUTH PLAIN \S*\[REDACTED\]/)
  assert.ok(
    !isShown(token, message) && !isShown(Buffer.from(`\0me\0${token}`).toString('base64').slice(8), message),
    message,
  )
})

test('a target that repeats its callback address shows it to nobody, whole or in pieces', async (t) => {
  const { target, call, logged } = await setupAction(t, {
    callback: `https://chronos.example/api/callbacks/YWIxMmNkMzRlZjU2LjAxOTc.${token.replace('/+', '__')}`,
  })
  const address = () => String(target.calls.at(-1)?.headers['x-chronos-callback'])
  const echoes: ((address: string) => string)[] = [
    (one) => one,
    (one) => one.split('/').at(-1) ?? '',
    (one) => one.split('.').at(-1) ?? '',
    (one) => Buffer.from(`at ${one}`).toString('base64'),
    (one) => encodeURIComponent(one),
  ]
  // learnt in the first call, repeated in the others: it is the same all the time
  await call('/', { callback: { deadline_ms: 1_000 } })
  const known = address()
  const signature = known.split('.').at(-1) ?? ''
  for (const [index, echo] of echoes.entries()) {
    target.behave('/', { does: 'status', value: index % 2 ? 202 : 500, body: echo(known) })
    const outcome = await call('/', { callback: { deadline_ms: 1_000 } })
    assert.match(bodyOf(outcome), /\[REDACTED\]/)
    for (const shown of [JSON.stringify(outcome), logged()])
      assert.ok(!isShown(echo(signature), shown) && !isShown(signature, shown), shown)
  }
})

test('a timer service that repeats the access token in an error leaves it in no message and no log', async (t) => {
  for (const encode of Object.values(encodings)) {
    const portal = await oddPortal(t, (response) => {
      response.writeHead(400, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ error: 'invalid_request', error_description: `Bearer ${encode(token)}` }))
    })
    const log = collectLog()
    const client = createNasClient({
      portalUrl: portal.url,
      accessToken: createStaticToken(token),
      userAgent,
      log,
    })
    const answer = await client.cancel(jobId)
    assert.ok(!answer.ok)
    assert.match(answer.message, /answered 400: invalid_request: .*\[REDACTED\]/)
    assert.ok(!isShown(encode(token), answer.message + JSON.stringify(log.lines)), answer.message)
  }
})

test('pieces of a secret that are secret by themselves are found, and ordinary words are not', () => {
  const cases: [value: string, hides: string[], leaves: string[]][] = [
    [
      `https://hooks.example/services/${path}`,
      [`/services/${path}`, 'kf82Jfq0ZpwMx3Lq'],
      ['hooks.example', 'services'],
    ],
    ['https://me:pa%20ss-word@a.example/', ['pa ss-word', 'pa%20ss-word'], ['a.example']],
    ['Bearer abcdefgh12', ['abcdefgh12'], ['Bearer']],
    [`Basic ${Buffer.from('user:open-sesame').toString('base64')}`, ['open-sesame'], ['user']],
    ['123456:ABCDEFGHIJKLMNOPQ', ['ABCDEFGHIJKLMNOPQ'], ['123456']],
    ['correct horse', [], ['correct', 'horse']],
  ]
  for (const [value, hides, leaves] of cases) {
    const { text } = createRedactor([value])
    for (const one of hides) assert.equal(text(`<${one}>`), '<[REDACTED]>', `${value}: ${one}`)
    for (const one of leaves) assert.equal(text(`<${one}>`), `<${one}>`, `${value}: ${one}`)
  }
})
