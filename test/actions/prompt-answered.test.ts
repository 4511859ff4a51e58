import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setup } from './prompt-setup.ts'

const price = { input_per_million: 1, output_per_million: 3 }

test('the answer is logged piece by piece as it comes, and is the output as a whole', async (t) => {
  const { ask } = await setup(t, { does: 'answer', text: 'All is well today' })
  const outcome = await ask()
  assert.equal(outcome.output, 'All is well today')
  assert.deepEqual(outcome.pieces, ['All', ' is', ' well', ' today'])
})

test('what came is in the log while the model still thinks', async (t) => {
  const { model, ask } = await setup(t, { does: 'stall', text: 'First second third' })
  const abort = new AbortController()
  const onLog = (piece: string) => {
    if (piece === ' second') abort.abort(Object.assign(new Error('cancelled'), { code: 'CANCELLED' }))
  }
  const outcome = await ask({}, { signal: abort.signal, onLog })
  assert.equal(outcome.state, 'cancelled')
  assert.equal(outcome.output, 'First second')
  await model.allClosed()
})

test('tokens and cost are those that the server counted', async (t) => {
  const { ask } = await setup(t, { does: 'answer', text: 'one two three' })
  const outcome = await ask({ price: { ...price, currency: 'EUR' } })
  assert.deepEqual(outcome.usage, {
    model: 'small-local',
    prompt_tokens: 4,
    completion_tokens: 3,
    total_tokens: 7,
    finish_reason: 'stop',
    cost: 0.000013,
    currency: 'EUR',
  })
})

test('tokens are estimated where the server does not count them, and said to be', async (t) => {
  const { ask } = await setup(t, { does: 'answer', text: 'one two three', usage: false })
  const outcome = await ask({ price })
  assert.deepEqual(outcome.usage, {
    model: 'small-local',
    prompt_tokens: 4,
    completion_tokens: 4,
    total_tokens: 8,
    estimated: true,
    finish_reason: 'stop',
    cost: 0.000016,
    currency: 'USD',
  })
})

test('a server that does not stream is understood as well', async (t) => {
  const { ask } = await setup(t, { does: 'whole', text: 'All of it' })
  const outcome = await ask()
  assert.equal(outcome.state, 'succeeded')
  assert.equal(outcome.output, 'All of it')
  assert.equal(outcome.logged, 'All of it')
  assert.equal(outcome.usage?.['total_tokens'], 7)
})

test('an answer that was cut at the limit of tokens succeeds, and says that it was', async (t) => {
  const { ask } = await setup(t, { does: 'answer', text: 'Once upon', finishReason: 'length' })
  const outcome = await ask()
  assert.deepEqual([outcome.state, outcome.output], ['succeeded', 'Once upon'])
  assert.equal(outcome.usage?.['finish_reason'], 'length')
  assert.match(outcome.logged, /Once upon\n\[the answer is cut/)
})

test('of a long answer 64 KiB are kept and all is logged and counted', async (t) => {
  const text = 'word '.repeat(40_000).trim()
  const { ask } = await setup(t, { does: 'answer', text })
  const outcome = await ask()
  assert.equal(outcome.state, 'succeeded')
  assert.equal(outcome.logged, text)
  const [kept = '', omitted] = outcome.output?.split('\n') ?? []
  assert.equal(Buffer.byteLength(kept), 64 * 1024)
  assert.equal(omitted, `[\u2026 ${text.length - 64 * 1024} bytes omitted \u2026]`)
  assert.equal(outcome.usage?.['completion_tokens'], 40_000)
})

const event = (delta: object, more: object = {}) =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta, ...more }] })}\r\n\r\n`

test('a stream may have comments, names, carriage returns, thoughts and no last empty line', async (t) => {
  const body = [
    ': OPENROUTER PROCESSING\r\n\r\n',
    'event: completion\r\nid: 1\r\n',
    event({ role: 'assistant', content: null }),
    event({ reasoning_content: 'Let me think.' }),
    event({ content: 'Gr\u00fc' }),
    event({ content: [{ type: 'text', text: '\u00dfe' }] }),
    event({}, { finish_reason: 'stop' }),
    'data:[DONE]',
  ].join('')
  const { ask } = await setup(t, { does: 'raw', body })
  const outcome = await ask()
  assert.deepEqual([outcome.state, outcome.output], ['succeeded', 'Gr\u00fc\u00dfe'])
  // 14 bytes of prompt; 13 of thought and 7 of text
  assert.deepEqual([outcome.usage?.['prompt_tokens'], outcome.usage?.['completion_tokens']], [4, 5])
})

test('NULs and halves of characters are kept out of the output', async (t) => {
  const body = `${event({ content: 'a\0b\ud800c' }, { finish_reason: 'stop' })}data: [DONE]\n\n`
  const { ask } = await setup(t, { does: 'raw', body })
  assert.equal((await ask()).output, 'ab\ufffdc')
})
