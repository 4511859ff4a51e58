import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import Type from 'typebox'
import type { Behaviour } from '../../dev/target/behaviours.ts'
import { startTarget } from '../../dev/target/index.ts'
import { passGate } from '../../src/actions/gate/pass.ts'
import type { ActionRun } from '../../src/actions/index.ts'
import { AppError } from '../../src/ground/errors.ts'
import { defineHandler, type HandlerContext, handlersOf } from '../../src/handlers/index.ts'
import { attemptOf, stopReason } from './attempt.ts'
import { setup as attempts, someRun } from './setup.ts'

const secrets = { TOKEN: 'top-secret' }

/** A gate at a target that behaves so. */
async function setup(t: TestContext, behaviour: Behaviour = { does: 'status' }) {
  const target = await startTarget()
  t.after(() => target.close())
  target.behave('/', behaviour)
  async function ask(
    fields: object = {},
    run: Partial<ActionRun> = {},
    signal = new AbortController().signal,
  ) {
    const when = { type: 'http', url: `${target.url}/`, ...fields }
    const made = attemptOf({ action: { type: 'prompt', when }, run, secrets })
    return passGate(made.job, made.run, signal, made.context)
  }
  return { target, ask }
}

const json = (value: unknown): Behaviour => ({ does: 'status', body: JSON.stringify(value) })
const usual = 'the gate reported nothing to do'

const nothingToDo: { what: string; behaviour: Behaviour; reason: string }[] = [
  { what: '204', behaviour: { does: 'status', value: 204, body: '' }, reason: 'the gate answered 204' },
  { what: '304', behaviour: { does: 'status', value: 304, body: '' }, reason: 'the gate answered 304' },
  { what: 'a reason', behaviour: json({ proceed: false, reason: ' no new mail\0 ' }), reason: 'no new mail' },
  { what: 'no reason', behaviour: json({ proceed: false }), reason: usual },
  { what: 'a reason that is no text', behaviour: json({ proceed: false, reason: 7 }), reason: usual },
  {
    what: 'a long reason',
    behaviour: json({ proceed: false, reason: 'x'.repeat(9_000) }),
    reason: 'x'.repeat(500),
  },
  { what: 'false', behaviour: json(false), reason: usual },
]

for (const { what, behaviour, reason } of nothingToDo) {
  test(`${what} of a gate says that there is nothing to do`, async (t) => {
    const { target, ask } = await setup(t, behaviour)
    assert.deepEqual(await ask(), { state: 'succeeded', skippedReason: reason })
    assert.equal(target.calls.length, 1)
    await target.allClosed()
  })
}

const goOn: { what: string; behaviour: Behaviour }[] = [
  { what: '200 without JSON', behaviour: { does: 'status', body: 'ok' } },
  { what: '202', behaviour: { does: 'status', value: 202, body: '' } },
  { what: 'proceed: true', behaviour: json({ proceed: true, reason: 'mail' }) },
  { what: 'JSON that says nothing of it', behaviour: json({ reason: 'mail' }) },
  { what: 'proceed: 0', behaviour: json({ proceed: 0 }) },
  { what: 'null', behaviour: json(null) },
  { what: 'a list', behaviour: json([false]) },
  { what: 'a flood', behaviour: { does: 'flood' } },
  { what: 'proceed: false that is cut off', behaviour: json({ proceed: false, reason: 'x'.repeat(70_000) }) },
]

for (const { what, behaviour } of goOn) {
  test(`${what} of a gate lets the action go on`, async (t) => {
    const { ask, target } = await setup(t, behaviour)
    assert.equal(await ask(), null)
    await target.allClosed()
  })
}

const failures: { behaviour: Behaviour; says: RegExp }[] = [
  {
    behaviour: { does: 'status', value: 500 },
    says: /HTTP_STATUS: target http.* answered 500; a gate must answer 2xx, or 204/,
  },
  { behaviour: { does: 'status', value: 404 }, says: /answered 404/ },
  { behaviour: { does: 'redirect' }, says: /REDIRECT_LIMIT/ },
  { behaviour: { does: 'hang' }, says: /TIMEOUT: .*was stopped at its time limit/ },
  { behaviour: { does: 'stall' }, says: /TIMEOUT/ },
  { behaviour: { does: 'garbage' }, says: /ANSWER_UNREADABLE/ },
  { behaviour: { does: 'close_early' }, says: /CONNECTION_BROKEN/ },
  { behaviour: { does: 'lie' }, says: /CONNECTION_BROKEN/ },
]

for (const { behaviour, says } of failures) {
  const what = behaviour.value ?? behaviour.does
  test(`a gate that does ${what} fails the attempt, which may be repeated`, async (t) => {
    const { target, ask } = await setup(t, behaviour)
    const outcome = await ask({ timeout_ms: 300 })
    assert.equal(outcome?.state, 'failed')
    assert.equal(outcome.error?.code, 'GATE_FAILED')
    assert.match(outcome.error.message, says)
    assert.equal(outcome.final, undefined)
    assert.equal(outcome.output, undefined)
    await target.allClosed()
  })
}

test('Retry-After of a gate is kept', async (t) => {
  const { ask } = await setup(t, { does: 'status', value: 503, headers: { 'retry-after': '7' } })
  assert.equal((await ask())?.retryAfterMs, 7_000)
})

test('a question is a GET, told apart from the action by its idempotency key, with templates filled in', async (t) => {
  const { target, ask } = await setup(t)
  const url = `${target.url}/?since={{slot}}&who={{input.who}}`
  await ask({ url, headers: { 'x-key': '{{secrets.TOKEN}}' } }, { input: { who: 'a&b' } })
  const [sent] = target.calls
  assert.equal(sent?.method, 'GET')
  assert.equal(sent.body, '')
  assert.equal(sent.path, `/?since=2026-06-18T12%3A00%3A00.000Z&who=a%26b`)
  assert.equal(sent.headers['x-key'], 'top-secret')
  assert.equal(sent.headers['idempotency-key'], 'ab12cd34ef56:2026-06-18T12:00:00.000Z:when')
  assert.equal(sent.headers['x-chronos-run'], someRun.id)
})

for (const { code, state } of [
  { code: 'CANCELLED', state: 'cancelled' },
  { code: 'DRAINING', state: 'interrupted' },
  { code: 'LEASE_LOST', state: 'interrupted' },
  { code: 'DEADLINE', state: 'timed_out' },
]) {
  test(`${code} while a gate is asked is no failure of the gate`, async (t) => {
    const { target, ask } = await setup(t, { does: 'hang' })
    const stop = new AbortController()
    const asked = ask({}, {}, stop.signal)
    await target.waitFor(1)
    stop.abort(stopReason(code))
    const outcome = await asked
    assert.equal(outcome?.state, state)
    assert.equal(outcome.error?.code, code)
  })
}

test('an action without a gate goes on, and calls nobody', async () => {
  for (const when of [undefined, null]) {
    const { job, run, context } = attemptOf({ action: { type: 'http', when } })
    assert.equal(await passGate(job, run, new AbortController().signal, context), null)
  }
})

test('a gate whose URL cannot be called fails', async (t) => {
  const { ask } = await setup(t)
  const outcome = await ask({ url: 'http://{{input}}/' })
  assert.match(outcome?.error?.message ?? '', /^the gate failed with ACTION_INVALID: action\.url/)
})

test('a secret that a gate names and that does not exist is no answer of the gate', async (t) => {
  const { ask } = await setup(t)
  await assert.rejects(
    ask({ headers: { 'x-key': '{{secrets.ABSENT}}' } }),
    (error) => error instanceof AppError && error.code === 'SECRET_UNKNOWN',
  )
})

test('the action itself is run where its gate lets it, and left out where not', async (t) => {
  const { target, call } = await attempts(t)
  target.behave('/gate', { does: 'status', value: 204, body: '', times: 1 })
  const when = { type: 'http', url: `${target.url}/gate` }
  assert.deepEqual(await call('/work', { when }), {
    state: 'succeeded',
    skippedReason: 'the gate answered 204',
  })
  assert.match((await call('/work', { when })).output ?? '', /^HTTP 200 in/)
  assert.deepEqual(
    target.calls.map(({ method, path }) => `${method} ${path}`),
    ['GET /gate', 'GET /gate', 'POST /work'],
  )
})

async function askHandler(run: (input: unknown, context: HandlerContext) => unknown, input?: unknown) {
  const handler = defineHandler({ input: Type.Unknown(), run })
  const handlers = handlersOf(new Map([['mail', async () => ({ default: handler })]]))
  const when = { type: 'handler', handler: 'mail', ...(input === undefined ? {} : { input }) }
  const made = attemptOf({ action: { type: 'prompt', when }, secrets })
  const outcome = await passGate(made.job, made.run, new AbortController().signal, made.context, handlers)
  return { outcome, logged: made.logged() }
}

for (const { returned, reason } of [
  { returned: false, reason: usual },
  { returned: { proceed: false, reason: 'no new mail' }, reason: 'no new mail' },
  { returned: true, reason: null },
  { returned: { proceed: true }, reason: null },
  { returned: undefined, reason: null },
  { returned: 'false', reason: null },
]) {
  test(`a handler that returns ${JSON.stringify(returned)} ${reason ? 'ends the run' : 'lets the action go on'}`, async () => {
    const { outcome } = await askHandler(() => returned)
    assert.deepEqual(outcome, reason && { state: 'succeeded', skippedReason: reason })
  })
}

test('a handler is asked with its input and its context', async () => {
  const { outcome, logged } = await askHandler(
    async (input, { log, secret }) => {
      log(JSON.stringify([input, await secret('TOKEN')]))
      return false
    },
    { since: '{{slot}}' },
  )
  assert.equal(outcome?.state, 'succeeded')
  assert.equal(logged, '[{"since":"2026-06-18T12:00:00.000Z"},"top-secret"]')
})

test('a handler that throws fails the gate', async () => {
  const { outcome } = await askHandler(() => {
    throw new RangeError('no mail server')
  })
  assert.equal(outcome?.error?.code, 'GATE_FAILED')
  assert.match(outcome.error.message, /HANDLER_FAILED: .*no mail server/)
  assert.equal(outcome.final, undefined)
})
