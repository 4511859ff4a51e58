import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import Type from 'typebox'
import { runHandler } from '../../src/actions/handler/run.ts'
import { AppError } from '../../src/ground/errors.ts'
import { defineHandler, type Handler, handlersOf, type HandlerContext } from '../../src/handlers/index.ts'
import { attemptOf, stopReason } from './attempt.ts'
import { slot, someRun } from './setup.ts'
import { until } from '../support/until.ts'

const anything = Type.Unknown()

type Given = { input?: unknown; runInput?: unknown; timeoutMs?: number; secrets?: Record<string, string> }

function attempt(handler: Handler, { input, runInput, timeoutMs, secrets = {} }: Given = {}) {
  const action = {
    ...{ type: 'handler', handler: 'it' },
    ...(input === undefined ? {} : { input }),
    ...(timeoutMs === undefined ? {} : { timeout_ms: timeoutMs }),
  }
  const made = attemptOf({ action, run: { input: runInput ?? null }, secrets })
  const handlers = handlersOf(new Map([['it', async () => ({ default: handler })]]))
  const stop = new AbortController()
  return {
    ...made,
    stop,
    outcome: () => runHandler(made.job, made.run, stop.signal, made.context, handlers),
  }
}

const returning = (value: unknown) => defineHandler({ input: anything, run: () => value })

test('what a handler returns is the output: a text as it is, nothing for undefined, the rest as JSON', async () => {
  const outputs = await Promise.all(
    ['as\0 it is', undefined, { a: [1, null] }, 7, false, null].map(
      async (value) => (await attempt(returning(value)).outcome()).output,
    ),
  )
  assert.deepEqual(outputs, ['as it is', undefined, '{"a":[1,null]}', '7', 'false', 'null'])
})

test('of an output 64 KiB are kept, and no character is split', async () => {
  const { state, output = '' } = await attempt(returning(`a${'é'.repeat(40_000)}`)).outcome()
  assert.equal(state, 'succeeded')
  assert.equal(Buffer.byteLength(output), 64 * 1024 - 1)
  assert.ok(output.endsWith('é'))
})

test('what JSON cannot hold is a failure of the handler', async () => {
  const loop: Record<string, unknown> = {}
  loop['self'] = loop
  for (const value of [loop, 7n]) {
    const { error } = await attempt(returning(value)).outcome()
    assert.equal(error?.code, 'HANDLER_FAILED')
    assert.match(error.message, /returned a value that is not JSON .*Return a string or JSON/)
  }
})

test('the context tells which attempt this is', async () => {
  let seen: HandlerContext | undefined
  const handler = defineHandler({
    input: anything,
    run(_, context) {
      seen = context
      context.log('begun\n')
      return context.secret('TOKEN')
    },
  })
  const { outcome, logged } = attempt(handler, { secrets: { TOKEN: 'hush' } })
  assert.deepEqual(await outcome(), { state: 'succeeded', output: 'hush' })
  assert.equal(logged(), 'begun\n')
  assert.equal(seen?.idempotencyKey, `ab12cd34ef56:${slot.toISOString()}`)
  assert.deepEqual(
    [seen.fence, seen.job, seen.run],
    [7, { id: 'ab12cd34ef56', name: 'a job' }, { id: someRun.id, slot, attempt: 2, trigger: 'fire' }],
  )
})

test("the run's input is laid over the action's, whose templates are filled in", async () => {
  const echo = defineHandler({ input: anything, run: (input) => input })
  const input = { who: '{{job.name}}', deep: ['{{attempt}}'], keep: 1 }
  const over = await attempt(echo, { input, runInput: { who: '{{secrets.X}}', more: true } }).outcome()
  assert.deepEqual(JSON.parse(over.output ?? ''), {
    ...{ who: '{{secrets.X}}', deep: [2], keep: 1, more: true },
  })
  const replaced = await attempt(echo, { input, runInput: ['a list'] }).outcome()
  assert.deepEqual(replaced.output, '["a list"]')
  assert.deepEqual((await attempt(echo).outcome()).output, '{}')
})

test('an input that does not fit is refused before the handler runs, each field with its path', async () => {
  let isCalled = false
  const strict = { additionalProperties: false }
  const item = Type.Object({ kind: Type.Union([Type.Literal('a'), Type.Literal('b')]) })
  const handler = defineHandler({
    input: Type.Object(
      { url: Type.String(), count: Type.Integer({ minimum: 1 }), items: Type.Array(item) },
      strict,
    ),
    run() {
      isCalled = true
    },
  })
  const { state, final, error } = await attempt(handler, {
    input: { count: 0, items: [{ kind: 'a' }, { kind: 'z' }], colour: 'red' },
  }).outcome()
  assert.deepEqual([state, final, error?.code, isCalled], ['failed', true, 'INPUT_INVALID', false])
  const sentences = error?.message.replace('handler it: ', '').split('; ') ?? []
  assert.deepEqual(sentences.toSorted(), [
    'input.count: 0 must be >= 1',
    'input.items[1].kind: "z" must match a schema in anyOf',
    'input.url: required',
    'unknown field `input.colour`',
  ])
})

test('what is thrown is the failure: class and message in the outcome, the stack in the log alone', async () => {
  const handler = defineHandler({
    input: anything,
    run() {
      throw new RangeError('no row', { cause: new Error('deeper') })
    },
  })
  const { outcome, logged } = attempt(handler)
  const { state, final, error } = await outcome()
  assert.deepEqual(
    [state, final, error],
    ['failed', undefined, { code: 'HANDLER_FAILED', message: 'handler it failed: RangeError: no row' }],
  )
  assert.match(logged(), /RangeError: no row\n +at .*handler\.test\.ts/)
  assert.match(logged(), /deeper/)
})

test('a thrown value that is no error is named', async () => {
  const handler = defineHandler({
    input: anything,
    run() {
      // oxlint-disable-next-line typescript/only-throw-error -- what a handler may do
      throw { odd: 1 }
    },
  })
  const { error } = await attempt(handler).outcome()
  assert.equal(error?.message, 'handler it failed: { odd: 1 }')
})

test('a secret that is missing keeps its own code', async () => {
  const handler = defineHandler({ input: anything, run: (_, { secret }) => secret('NONE') })
  await assert.rejects(
    attempt(handler).outcome(),
    (error) => error instanceof AppError && error.code === 'SECRET_UNKNOWN',
  )
})

test('a handler that is unknown fails for good, and the message lists those there are', async () => {
  const { job, run, context } = attemptOf({ action: { type: 'handler', handler: 'helo' } })
  const outcome = await runHandler(job, run, new AbortController().signal, context)
  assert.deepEqual([outcome.final, outcome.error?.code], [true, 'HANDLER_UNKNOWN'])
  assert.match(outcome.error?.message ?? '', /No handler "helo"; use one of handlers\/: check-page, hello/)
})

test('a module that breaks as it is loaded, or exports something else, fails the run', async () => {
  const broken = handlersOf(
    new Map<string, () => Promise<unknown>>([
      ['breaks', () => Promise.reject(new SyntaxError('odd'))],
      ['other', async () => ({ default: { run: 1 } })],
    ]),
  )
  for (const [handler, says] of [
    ['breaks', 'handler breaks cannot be loaded: SyntaxError: odd'],
    [
      'other',
      'handler other cannot be loaded: TypeError: handlers/other.ts has no default export that defineHandler made',
    ],
  ]) {
    const { job, run, context } = attemptOf({ action: { type: 'handler', handler } })
    const { error } = await runHandler(job, run, new AbortController().signal, context, broken)
    assert.deepEqual(error, { code: 'HANDLER_FAILED', message: says })
  }
})

const codes = [
  ['CANCELLED', 'cancelled'],
  ['DEADLINE', 'timed_out'],
  ['LEASE_LOST', 'interrupted'],
  ['DRAINING', 'interrupted'],
] as const

for (const [code, state] of codes) {
  test(`a handler that heeds its signal ends with ${code} as ${state}`, async () => {
    const { outcome, stop } = attempt(
      defineHandler({
        input: anything,
        async run(_, { signal }) {
          queueMicrotask(() => stop.abort(stopReason(code)))
          await once(signal, 'abort')
          signal.throwIfAborted()
        },
      }),
    )
    const ended = await outcome()
    assert.deepEqual([ended.state, ended.error?.code], [state, code])
  })
}

test('at its time limit a handler is told to stop', async () => {
  const handler = defineHandler({
    input: anything,
    run: (_, { signal }) => once(signal, 'abort').then(() => 'too late'),
  })
  const { state, error } = await attempt(handler, { timeoutMs: 20 }).outcome()
  assert.deepEqual([state, error?.code], ['timed_out', 'TIMEOUT'])
})

test('one that ignores its signal is settled without, 5 s after, and its context gives nothing any more', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let kept: HandlerContext | undefined
  const { outcome, stop, logged } = attempt(
    defineHandler({
      input: anything,
      run(_, context) {
        kept = context
        return new Promise(() => undefined)
      },
    }),
  )
  const ended = outcome()
  await until('the handler runs', () => kept !== undefined)
  stop.abort(stopReason('CANCELLED'))
  t.mock.timers.tick(4_999)
  assert.equal(
    await Promise.race([ended, new Promise((resolve) => setImmediate(() => resolve('waits')))]),
    'waits',
  )
  t.mock.timers.tick(1)
  const { state, error } = await ended
  assert.deepEqual([state, error?.code], ['cancelled', 'CANCELLED'])
  assert.match(error?.message ?? '', /it was told to stop, and goes on all the same/)
  assert.ok(kept)
  kept.log('later')
  assert.equal(logged(), '')
  assert.equal(kept.isHeld(), false)
  await assert.rejects(kept.secret('X'), /after the attempt of its handler ended/)
  await assert.rejects(kept.fetch('http://127.0.0.1:1/'), /after the attempt of its handler ended/)
})

test('a run that is stopped already does not begin its handler', async () => {
  let isCalled = false
  const handler = defineHandler({
    input: anything,
    run() {
      isCalled = true
    },
  })
  const { outcome, stop } = attempt(handler)
  stop.abort(stopReason('DRAINING'))
  assert.deepEqual([(await outcome()).state, isCalled], ['interrupted', false])
})

test('calls end with the signal, and what the handler left open is cut when it returns', async (t) => {
  const server = await serve(t)
  const { outcome } = attempt(
    defineHandler({
      input: anything,
      async run(_, { fetch }) {
        const answer = await fetch(`${server.url}/moved`)
        void fetch(`${server.url}/hangs`).catch(() => undefined)
        await server.hanging
        return answer.status
      },
    }),
  )
  assert.deepEqual(await outcome(), { state: 'succeeded', output: '302' })
  await server.cut
  const timed = attempt(
    defineHandler({ input: anything, run: (_, { fetch }) => fetch(`${server.url}/hangs`) }),
    { timeoutMs: 50 },
  )
  assert.equal((await timed.outcome()).state, 'timed_out')
})

test('the handlers that are shipped work', async (t) => {
  const { url } = await serve(t)
  const call = (action: object) => {
    const { job, run, context } = attemptOf({ action: { type: 'handler', ...action } })
    return runHandler(job, run, new AbortController().signal, context)
  }
  assert.equal((await call({ handler: 'hello' })).output, 'Hello, world. This is attempt 2 of a job.')
  const page = await call({ handler: 'check-page', input: { url: `${url}/page`, holds: 'welcome' } })
  assert.equal(JSON.parse(page.output ?? '').status, 200)
  const missing = await call({ handler: 'check-page', input: { url: `${url}/page`, holds: 'goodbye' } })
  assert.match(missing.error?.message ?? '', /does not hold "goodbye"$/)
})

async function serve(t: TestContext) {
  const { promise: hanging, resolve: begun } = Promise.withResolvers<void>()
  const { promise: cut, resolve: gone } = Promise.withResolvers<void>()
  const server = createServer((request, response) => {
    if (request.url === '/moved') response.writeHead(302, { location: '/page' }).end()
    else if (request.url === '/page') response.end('<p>welcome</p>')
    else begun()
    if (request.url === '/hangs') request.socket.on('close', () => gone())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, hanging, cut }
}
