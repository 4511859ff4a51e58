import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runCommand } from '../../src/actions/command/run.ts'
import { usageBody } from '../../src/actions/prompt/usage.ts'
import { runHandler } from '../../src/actions/handler/run.ts'
import { defineHandler, handlersOf } from '../../src/handlers/index.ts'
import { tracedActions } from '../../src/process/counted.ts'
import { loadTracer } from '../../src/telemetry/index.ts'
import { attemptOf } from '../actions/attempt.ts'

const step = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const { PATH = '' } = process.env
const noLimits = { users: null, memoryMb: 0, processorS: 0, processes: 0, folderMb: 0 }

test('a program gets its step as TRACEPARENT, and nothing if nothing is traced', async () => {
  const outputs = [step, null].map(async (traceparent) => {
    const action = { type: 'command', command: 'sh', args: ['-c', 'echo "${TRACEPARENT-none}"'] }
    const { job, run, context } = attemptOf({ action })
    const signal = new AbortController().signal
    return (await runCommand(job, run, signal, { ...context, traceparent }, { env: { PATH }, ...noLimits }))
      .output
  })
  assert.deepEqual(await Promise.all(outputs), [`${step}\n`, 'none\n'])
})

test('a handler gets its step in its context', async () => {
  const handler = defineHandler({ input: {}, run: (_input, { traceparent }) => traceparent })
  const { job, run, context } = attemptOf({ action: { type: 'handler', handler: 'it' } })
  const handlers = handlersOf(new Map([['it', async () => ({ default: handler })]]))
  const signal = new AbortController().signal
  const { output } = await runHandler(job, run, signal, { ...context, traceparent: step }, handlers)
  assert.equal(output, step)
})

test('what a span says of an attempt: the model and its tokens, a failure by its code, no secret of a URL', async () => {
  const tracer = await loadTracer(1)
  const spanOf = async (action: { type: string; [field: string]: unknown }, outcome: object) => {
    const { job, run } = attemptOf({ action })
    const actions = tracedActions({ run: async () => outcome as never }, { tracer })
    await actions.run(job, run, new AbortController().signal)
    const [span] = tracer.take()
    assert.ok(span)
    return span
  }
  const tokens = { prompt: 12, completion: 3, total: 15 }
  const usage = usageBody({ model: 'small-2', tokens, isEstimated: false, finishReason: 'stop', price: null })
  const prompt = await spanOf({ type: 'prompt', model: 'small' }, { state: 'succeeded', output: 'hi', usage })
  assert.equal(prompt.failure, null)
  assert.partialDeepStrictEqual(prompt.attributes, {
    ...{ 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'small' },
    'gen_ai.response.model': 'small-2',
    ...{ 'gen_ai.usage.input_tokens': 12, 'gen_ai.usage.output_tokens': 3 },
  })
  const failed = await spanOf(
    { type: 'http', url: 'https://user:pass-word-1@a.example:8443/hook?key=secret-key', method: 'put' },
    {
      state: 'failed',
      output: 'HTTP 500 in 8 ms\n\nno',
      error: { code: 'HTTP_STATUS', message: 'target said secret' },
    },
  )
  assert.equal(failed.failure, 'HTTP_STATUS')
  assert.partialDeepStrictEqual(failed.attributes, {
    ...{ 'http.request.method': 'PUT', 'server.address': 'a.example', 'server.port': 8443 },
    ...{ 'http.response.status_code': 500, 'error.type': 'HTTP_STATUS', 'faas.trigger': 'timer' },
  })
  assert.doesNotMatch(JSON.stringify(failed), /pass-word|secret/)
  const hidden = await spanOf({ type: 'http', url: '{{secrets.URL}}' }, { state: 'succeeded' })
  assert.equal(hidden.attributes['server.address'], undefined)
})
