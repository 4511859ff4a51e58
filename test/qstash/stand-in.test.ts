import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Client } from '@upstash/qstash'
import { evaluate } from '../../dev/qstash/expression.ts'
import { startQstash } from '../../dev/qstash/index.ts'
import { startTarget } from '../../dev/target/index.ts'

// The stand-in is held against Upstash's documentation, and driven by Upstash's own client.

const start = new Date('2026-06-18T08:00:00Z')
const after = (s: number) => new Date(start.getTime() + s * 1_000)

async function setup(t: TestContext, options: Parameters<typeof startQstash>[0] = {}) {
  const qstash = await startQstash({ time: start, ...options })
  const target = await startTarget()
  t.after(async () => {
    await qstash.close()
    await target.close()
  })
  const client = new Client({
    baseUrl: qstash.url,
    token: qstash.token,
    retry: false,
    enableTelemetry: false,
  })
  const publish = (more: object = {}) =>
    client.publishJSON({ url: `${target.url}/hook`, body: { a: 1 }, ...more }) as Promise<{
      messageId: string
      deduplicated?: boolean
    }>
  return { qstash, target, client, publish }
}

test('a delayed message is delivered at its second, signed, and is gone then', async (t) => {
  const { qstash, target, publish } = await setup(t)
  await publish({ notBefore: after(60).getTime() / 1_000 })
  await qstash.moveTo(after(59))
  assert.equal(target.calls.length, 0)
  await qstash.moveTo(after(60))
  assert.equal(target.calls[0]?.body, '{"a":1}')
  assert.ok(target.calls[0]?.headers['upstash-signature'])
  assert.deepEqual(qstash.pending(), [])
})

test('a message that is cancelled is not delivered; one that is not there cannot be cancelled', async (t) => {
  const { qstash, target, client, publish } = await setup(t)
  const { messageId } = await publish({ notBefore: after(60).getTime() / 1_000 })
  assert.equal((await client.messages.get(messageId)).messageId, messageId)
  await client.messages.delete(messageId)
  await qstash.moveTo(after(61))
  assert.equal(target.calls.length, 0)
  await assert.rejects(client.messages.get(messageId))
})

test('what fails is tried again as often as its header says, after the gaps of its expression, and is dead then', async (t) => {
  const { qstash, target, publish } = await setup(t)
  target.behave('/hook', { does: 'status', value: 500 })
  await publish({ retries: 2, retryDelay: 'pow(10, retried) * 1000' })
  await qstash.settled()
  await qstash.moveTo(after(1))
  await qstash.moveTo(after(10))
  assert.equal(target.calls.length, 2)
  await qstash.moveTo(after(11))
  assert.deepEqual(
    target.calls.map(({ headers }) => headers['upstash-retried']),
    ['0', '1', '2'],
  )
  assert.equal(qstash.dead.length, 1)
})

test('a repeated deduplication id is swallowed for ten minutes, also after its message is gone', async (t) => {
  const { qstash, client, publish } = await setup(t)
  const one = { deduplicationId: 'a', notBefore: after(3_600).getTime() / 1_000 }
  const { messageId } = await publish(one)
  await client.messages.delete(messageId)
  assert.deepEqual(await publish(one), { messageId, deduplicated: true })
  assert.equal(qstash.pending().length, 0)
  await qstash.moveTo(after(600))
  assert.notEqual((await publish(one)).messageId, messageId)
})

test('what is beyond the plan is refused, and so is a stranger', async (t) => {
  const { qstash, publish } = await setup(t)
  await assert.rejects(publish({ notBefore: after(8 * 86_400).getTime() / 1_000 }), /maxDelay/)
  await assert.rejects(publish({ retries: 4 }), /maxRetries/)
  const stranger = new Client({ baseUrl: qstash.url, token: 'x', retry: false, enableTelemetry: false })
  await assert.rejects(stranger.publishJSON({ url: 'https://a.example', body: {} }), /invalid token/)
})

test('the expressions of the documentation have the values that it names', () => {
  const values = (text: string) => [0, 1, 2, 3].map((retried) => evaluate(text, retried))
  assert.deepEqual(values('1000'), [1_000, 1_000, 1_000, 1_000])
  assert.deepEqual(values('1000 * (1 + retried)'), [1_000, 2_000, 3_000, 4_000])
  assert.deepEqual(values('pow(2, retried) * 1000'), [1_000, 2_000, 4_000, 8_000])
  assert.deepEqual(values('max(1000, pow(2, retried) * 100)'), [1_000, 1_000, 1_000, 1_000])
  assert.throws(() => evaluate('while(true)', 0))
  assert.throws(() => evaluate('1000 +', 0))
})
