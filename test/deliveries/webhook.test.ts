import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import { type Receiver, startWebhookReceiver, type GotWebhook } from '../../dev/receivers/index.ts'
import type { Target } from '../../src/delivery/senders/index.ts'
import { deliveryId, failureOf, messageOf, runId, send } from './setup.ts'

const secret = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD'
const newer = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

let receiver: Receiver<GotWebhook>
const receivers: Receiver<GotWebhook>[] = []
beforeEach(async () => {
  receiver = await startWebhookReceiver(secret)
  receivers.push(receiver)
})
after(() => Promise.all(receivers.map((one) => one.close())))

const target = (more: object = {}): Target => ({
  type: 'webhook',
  url: `${receiver.url}/hook`,
  secrets: [secret],
  ...more,
})

test('a webhook is signed as Standard Webhooks has it, and the published library verifies it', async () => {
  assert.deepEqual(await send(target()), { state: 'delivered' })
  const [got] = receiver.got
  assert.deepEqual([got?.isVerified, got?.id], [true, deliveryId])
  assert.equal(got?.headers['user-agent'], 'Chronos/test')
  assert.deepEqual(got?.payload, {
    type: 'run.succeeded',
    timestamp: '2026-06-18T09:00:01.400Z',
    data: {
      job: { id: 'ab12cd34ef56', name: 'report' },
      run: {
        id: runId,
        slot: '2026-06-18T09:00:00.000Z',
        state: 'succeeded',
        attempt: 1,
        trigger: 'fire',
        started_at: '2026-06-18T09:00:00.100Z',
        finished_at: '2026-06-18T09:00:01.400Z',
        duration_ms: 1_300,
      },
      output: 'all is well',
      output_truncated: false,
      error: null,
      skipped_reason: null,
      text: `report succeeded\nslot 2026-06-18T09:00:00.000Z, 1.3 s, run ${runId}\nall is well`,
      link: null,
    },
  })
})

test('the type says what happened', async () => {
  await send(target(), failureOf())
  await send(target(), messageOf({ event: 'recovery' }))
  await send(target(), messageOf({ event: 'start' }))
  await send(target(), messageOf({ event: 'test' }))
  assert.deepEqual(
    receiver.got.map(({ payload }) => payload?.type),
    ['run.failed', 'run.recovered', 'run.started', 'test'],
  )
  assert.deepEqual(receiver.got[0]?.payload?.data['error'], failureOf().error)
})

test('a second try has the same id and the same body', async () => {
  await send(target())
  await send(target())
  const [first, second] = receiver.calls
  assert.equal(first?.headers['webhook-id'], second?.headers['webhook-id'])
  assert.deepEqual(first?.body, second?.body)
})

test('while secrets rotate, a receiver with the old or the new one verifies', async () => {
  const rotated = await startWebhookReceiver(newer)
  receivers.push(rotated)
  await send(target({ secrets: [newer, secret] }))
  await send({ type: 'webhook', url: rotated.url, secrets: [newer, secret] })
  assert.deepEqual([receiver.got[0]?.isVerified, rotated.got[0]?.isVerified], [true, true])
})

test('a receiver with another secret refuses, and the delivery fails for good', async () => {
  const result = await send(target({ secrets: [newer] }))
  assert.equal(result.state, 'failed')
  assert.equal(receiver.got[0]?.isVerified, false)
  assert.match(
    result.state === 'failed' ? result.error.message : '',
    /^http:\/\/127\.0\.0\.1:\d+ answered 401/,
  )
})

test('a receiver that is gone (410) disables', async () => {
  receiver.behave({ does: 'answer', status: 410 })
  assert.equal((await send(target())).state, 'disabled')
})

test('429 and 503 are tried again when the receiver says so, in seconds or as a date', async () => {
  receiver.behave({ does: 'answer', status: 429, headers: { 'retry-after': '7' } })
  const limited = await send(target())
  assert.ok(limited.state === 'retry')
  assert.deepEqual([limited.error.code, limited.retryAfterMs], ['HTTP_STATUS', 7_000])
  const date = new Date(Date.now() + 3_600_000).toUTCString()
  receiver.behave({ does: 'answer', status: 503, headers: { 'retry-after': date } })
  const later = await send(target())
  assert.ok(later.state === 'retry')
  assert.ok(Math.abs((later.retryAfterMs ?? 0) - 3_600_000) < 5_000, String(later.retryAfterMs))
  receiver.behave({ does: 'answer', status: 429, headers: { 'retry-after': '99999999' } })
  const never = await send(target())
  assert.equal(never.state === 'retry' && never.retryAfterMs, 24 * 3_600_000)
})

test('a 5xx is tried again, another 4xx and a redirect are not', async () => {
  const states: string[] = []
  for (const status of [500, 502, 408, 425, 400, 404, 418, 301, 307]) {
    receiver.behave({ does: 'answer', status, headers: { location: `${receiver.url}/elsewhere` } })
    states.push(`${status} ${(await send(target())).state}`)
  }
  assert.deepEqual(states, [
    ...['500 retry', '502 retry', '408 retry', '425 retry'],
    ...['400 failed', '404 failed', '418 failed', '301 failed', '307 failed'],
  ])
  assert.ok(receiver.calls.every(({ url }) => url.pathname === '/hook'))
})

test('a receiver that hangs up, hangs, or is not there is tried again', async () => {
  receiver.behave({ does: 'close' })
  const closed = await send(target())
  receiver.behave({ does: 'hang' })
  const hung = await send(target(), messageOf(), { timeoutMs: 100 })
  await receiver.close()
  receivers.pop()
  const absent = await send(target())
  assert.deepEqual(
    [closed, hung, absent].map((one) => one.state === 'retry' && one.error.code),
    ['CONNECTION_FAILED', 'TIMEOUT', 'CONNECTION_FAILED'],
  )
})

test('a status is the whole verdict: what comes after it may stall or never end', async () => {
  const results = []
  for (const does of ['stall', 'flood'] as const) {
    for (const status of [200, 500]) {
      receiver.behave({ does, status })
      const result = await send(target(), messageOf(), {
        timeoutMs: status === 500 && does === 'stall' ? 100 : 20_000,
      })
      results.push(`${does} ${status} ${result.state} ${'error' in result ? result.error.code : ''}`.trim())
    }
  }
  assert.deepEqual(results, [
    ...['stall 200 delivered', 'stall 500 retry HTTP_STATUS'],
    ...['flood 200 delivered', 'flood 500 retry HTTP_STATUS'],
  ])
})

test('a try that the caller aborts is to be made again, with the code of the reason', async () => {
  receiver.behave({ does: 'hang' })
  const stop = new AbortController()
  const sent = send(target(), messageOf(), { signal: stop.signal })
  await receiver.until(() => receiver.calls.length === 1)
  stop.abort(Object.assign(new Error('going down'), { code: 'DRAINING' }))
  const result = await sent
  assert.equal(result.state === 'retry' && result.error.code, 'DRAINING')
})

test('a long output is shortened to its beginning and end, and said to be', async () => {
  const output = `first${'x'.repeat(60_000)}last`
  await send(target(), messageOf({ output }))
  const data = receiver.got[0]?.payload?.data
  assert.ok(data)
  assert.match(data.output ?? '', /^firstx+\n\[\.\.\. \d+ characters and more omitted \.\.\.\]\nx+last$/)
  assert.ok((data.output?.length ?? 0) <= 20_000 && data.text.length <= 4_000)
  assert.equal(data['output_truncated'], true)
})

test('a template is the text, with values that are not read as templates', async () => {
  const template = '{{job.name}}: {{run.state}} in {{run.duration_ms}} ms, {{run.output}}'
  await send(target({ template }), messageOf({ output: '{{job.id}}' }))
  assert.equal(receiver.got[0]?.payload?.data.text, 'report: succeeded in 1300 ms, {{job.id}}')
})

test('headers of the author come along, but none of ours is theirs', async () => {
  await send(target({ headers: { authorization: 'Bearer abc', 'Webhook-Id': 'mine' } }))
  assert.equal(receiver.got[0]?.headers['authorization'], 'Bearer abc')
  assert.deepEqual([receiver.got[0]?.id, receiver.got[0]?.isVerified], [deliveryId, true])
})

test('neither the path nor a secret of a target is in a message, even where the receiver repeats them', async () => {
  const url = `${receiver.url}/very/secret?token=abcdef`
  receiver.behave({ does: 'answer', status: 400, body: { code: 1, message: `no /very/secret?token=abcdef` } })
  const results = [await send({ type: 'discord', url: `${receiver.url}/very/secret?token=abcdef` })]
  receiver.behave({ does: 'close' })
  results.push(await send({ type: 'webhook', url, secrets: [secret] }), await send({ type: 'slack', url }))
  const texts = JSON.stringify(results)
  assert.equal(results.length, 3)
  assert.doesNotMatch(texts, /secret|abcdef|delivered/)
})

test('a target that cannot be used fails, with its reason', async () => {
  const unusable: Target[] = [
    target({ url: 'not a url' }),
    target({ secrets: ['whsec_!!'] }),
    target({ secrets: [] }),
    target({ template: '{{job.name' }),
    target({ headers: { 'bad name': 'x' } }),
    { ...target(), type: 'pigeon' } as unknown as Target,
  ]
  for (const one of unusable) {
    const result = await send(one)
    assert.equal(result.state === 'failed' && result.error.code, 'TARGET_INVALID', JSON.stringify(one))
  }
  assert.equal(receiver.calls.length, 0)
})

test('what the guard forbids fails for good, with its own reason', async () => {
  const result = await send({ type: 'webhook', url: 'http://10.0.0.1/hook', secrets: [secret] })
  assert.equal(result.state === 'failed' && result.error.code, 'TARGET_FORBIDDEN')
  assert.match(result.state === 'failed' ? result.error.message : '', /10\.0\.0\.1/)
})
