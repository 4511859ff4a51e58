import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type ModelBehaviour, startModel } from '../../dev/model/index.ts'
import { realDelays } from '../../src/ground/delays.ts'
import { until } from '../support/until.ts'
import { setup } from './prompt-setup.ts'

type Trouble = {
  behaviour: ModelBehaviour
  state?: string
  code: string
  says: RegExp
  final?: true
  output?: string
  fields?: object
  /** The server has come so far; only then the limit of `fields` begins. */
  from?: (seen: { calls: number; logged: string }) => boolean
}

const silent = { inactivity_ms: 300 }
const troubles: Trouble[] = [
  {
    behaviour: { does: 'hang' },
    state: 'timed_out',
    code: 'MODEL_SILENT',
    says: /300 ms before it answered/,
    fields: silent,
    from: ({ calls }) => calls === 1,
  },
  {
    behaviour: { does: 'stall', text: 'First second third' },
    state: 'timed_out',
    code: 'MODEL_SILENT',
    says: /sent nothing for 300 ms after \d+ bytes/,
    output: 'First second',
    fields: silent,
    from: ({ logged }) => logged.includes('second'),
  },
  {
    behaviour: { does: 'heartbeats', gapMs: 20 },
    state: 'timed_out',
    code: 'TIMEOUT',
    says: /time limit, after \d+ ms, after it answered 200/,
    fields: { inactivity_ms: 15_000, timeout_ms: 3_000 },
  },
  {
    behaviour: { does: 'cut', text: 'First second third' },
    code: 'CONNECTION_BROKEN',
    says: /closed the connection/,
  },
  {
    behaviour: { does: 'unfinished', text: 'First second third' },
    code: 'ANSWER_UNFINISHED',
    says: /before the answer was over/,
    output: 'First second',
  },
  { behaviour: { does: 'garbage' }, code: 'ANSWER_UNREADABLE', says: /something else than a JSON object/ },
  {
    behaviour: { does: 'raw', body: 'data: 7\n\n' },
    code: 'ANSWER_UNREADABLE',
    says: /something else than a JSON object/,
  },
  { behaviour: { does: 'empty' }, code: 'ANSWER_EMPTY', says: /without text \(it ended with "stop"\)/ },
  { behaviour: { does: 'answer', text: ' \n ' }, code: 'ANSWER_EMPTY', says: /without text/ },
  { behaviour: { does: 'raw', body: '' }, code: 'ANSWER_EMPTY', says: /without text/ },
  { behaviour: { does: 'wrong_type' }, code: 'ANSWER_UNREADABLE', says: /text\/html was sent/ },
  {
    behaviour: { does: 'fail_midway', text: 'First second third' },
    code: 'MODEL_FAILED',
    says: /server_error: "The engine fell over"/,
    output: 'First second',
  },
  { behaviour: { does: 'endless_line' }, code: 'ANSWER_UNREADABLE', says: /more than 1 MiB/ },
]

for (const { behaviour, state = 'failed', code, says, output, fields, from } of troubles) {
  test(`a server that does ${JSON.stringify(behaviour)} ends the attempt as ${state} with ${code}`, async (t) => {
    const { model, ask } = await setup(t, behaviour)
    let logged = ''
    if (from) holdSilence(t, () => from({ calls: model.calls.length, logged }))
    const outcome = await ask(fields, { onLog: (piece) => (logged += piece) })
    assert.deepEqual([outcome.state, outcome.error?.code], [state, code])
    assert.match(outcome.error?.message ?? '', says)
    assert.equal(outcome.final, undefined)
    if (output !== undefined) assert.equal(outcome.output, output)
    assert.equal(model.calls.length, 1)
    await model.allClosed()
  })
}

/** The limit of a silence begins once it `isSo`: a busy machine may need longer than that for a call to arrive. */
function holdSilence(t: TestContext, isSo: () => boolean): void {
  const { after } = realDelays
  t.mock.method(realDelays, 'after', (ms: number, work: () => void) => {
    if (ms !== silent.inactivity_ms) return after(ms, work)
    let takeBack: (() => void) | null = null
    let isTakenBack = false
    void until('the limit begins', () => isTakenBack || isSo()).then(() => {
      if (!isTakenBack) takeBack = after(ms, work)
    })
    return () => {
      isTakenBack = true
      takeBack?.()
    }
  })
}

for (const { value, isFinal } of [
  ...[400, 401, 403, 404, 422, 302].map((status) => ({ value: status, isFinal: true })),
  ...[408, 429, 500, 502, 503].map((status) => ({ value: status, isFinal: false })),
]) {
  test(`a status of ${value} is ${isFinal ? 'final' : 'tried again'}`, async (t) => {
    const { ask } = await setup(t, { does: 'status', value })
    const outcome = await ask()
    assert.deepEqual([outcome.state, outcome.error?.code], ['failed', 'HTTP_STATUS'])
    assert.match(outcome.error?.message ?? '', new RegExp(`answered ${value} with refused: "No"`))
    assert.equal(outcome.final ?? false, isFinal)
    assert.equal(outcome.usage, undefined)
  })
}

test('a server that asks for a pause is given it', async (t) => {
  const { ask } = await setup(t, { does: 'limit' })
  const outcome = await ask()
  assert.deepEqual([outcome.state, outcome.final, outcome.retryAfterMs], ['failed', undefined, 7_000])
  assert.match(outcome.error?.message ?? '', /429 with rate_limit_exceeded: "Too many requests"/)
})

test('a page in place of a reason is not repeated', async (t) => {
  const { ask } = await setup(t, { does: 'status', value: 502, body: '<html>Bad Gateway</html>' })
  assert.match((await ask()).error?.message ?? '', /answered 502 with no reason$/)
})

test('a stream that goes beyond the budget is stopped for good', async (t) => {
  const { model, ask } = await setup(t, { does: 'flood' })
  const outcome = await ask({ budget: { total_tokens: 10_000 } })
  assert.deepEqual([outcome.state, outcome.error?.code, outcome.final], ['failed', 'BUDGET_EXCEEDED', true])
  assert.ok(Number(outcome.usage?.['total_tokens']) > 10_000)
  assert.equal(outcome.output?.slice(0, 3), 'xxx')
  await model.allClosed()
})

test('a budget that only the server knows to be exceeded is exceeded all the same', async (t) => {
  const { ask } = await setup(t, { does: 'answer', text: 'a b c d e f' })
  const outcome = await ask({ budget: { total_tokens: 9 } })
  assert.deepEqual([outcome.error?.code, outcome.output], ['BUDGET_EXCEEDED', 'a b c d e f'])
  assert.equal(outcome.usage?.['total_tokens'], 10)
  assert.equal((await ask({ budget: { total_tokens: 10 } })).state, 'succeeded')
})

test('a prompt that is larger than the budget is not sent', async (t) => {
  const { model, ask } = await setup(t)
  const outcome = await ask({ budget: { total_tokens: 10 } }, { job: { prompt: 'x'.repeat(100) } })
  assert.deepEqual([outcome.error?.code, outcome.final], ['BUDGET_EXCEEDED', true])
  assert.equal(model.calls.length, 0)
})

test('a flood ends, and is not kept', async (t) => {
  const { model, ask } = await setup(t, { does: 'flood' })
  const outcome = await ask({}, {})
  assert.deepEqual([outcome.state, outcome.error?.code], ['failed', 'ANSWER_UNREADABLE'])
  assert.match(outcome.error?.message ?? '', /more than 64 MiB/)
  assert.ok(Buffer.byteLength(outcome.output ?? '') < 65 * 1024)
  await model.allClosed()
})

for (const [code, state] of [
  ['CANCELLED', 'cancelled'],
  ['DRAINING', 'interrupted'],
  ['LEASE_LOST', 'interrupted'],
] as const) {
  test(`an attempt that is stopped with ${code} is ${state}, and hangs up`, async (t) => {
    const { model, ask } = await setup(t, { does: 'hang' })
    const abort = new AbortController()
    const asking = ask({}, { signal: abort.signal })
    await model.waitFor(1)
    abort.abort(Object.assign(new Error('stop'), { code }))
    const outcome = await asking
    assert.deepEqual([outcome.state, outcome.error?.code], [state, code])
    await model.allClosed()
  })
}

test('a run that is no longer held is not put to a model', async (t) => {
  const { model, ask } = await setup(t)
  const outcome = await ask({}, { isHeld: false })
  assert.deepEqual([outcome.state, outcome.error?.code], ['interrupted', 'LEASE_LOST'])
  assert.equal(model.calls.length, 0)
})

test('a server that is not there is told of by its origin', async (t) => {
  const { model, ask } = await setup(t)
  const gone = await startModel()
  await gone.close()
  const outcome = await ask({ base_url: gone.url })
  assert.deepEqual([outcome.state, outcome.error?.code], ['failed', 'CONNECTION_REFUSED'])
  assert.match(outcome.error?.message ?? '', new RegExp(new URL(gone.url).origin))
  assert.equal(model.calls.length, 0)
})
