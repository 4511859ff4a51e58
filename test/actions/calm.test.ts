import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createActions } from '../../src/actions/index.ts'
import { createOutbound } from '../../src/outbound/index.ts'
import { setup, someRun } from './setup.ts'

test('the first attempt of a process begins once the fire that started it is answered; a later one at once', async (t) => {
  const { target } = await setup(t)
  const answered = Promise.withResolvers<void>()
  let asked = 0
  const actions = createActions({
    userAgent: 'chronos/test',
    outbound: createOutbound({ allow: ['127.0.0.0/8'], own: [] }),
    untilCalm: () => {
      asked += 1
      return answered.promise
    },
  })
  const job = {
    ...{ id: 'ab12cd34ef56', project: 'default', name: 'a job', timeoutMs: null, prompt: null, skills: [] },
    action: { type: 'http', url: `${target.url}/one` },
  }
  const run = () => actions.run(job, someRun, new AbortController().signal)
  const first = run()
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual([asked, target.calls.length], [1, 0])
  answered.resolve()
  assert.equal((await first).state, 'succeeded')
  assert.equal((await run()).state, 'succeeded')
  assert.deepEqual([asked, target.calls.length], [1, 2])
})

test('the first attempt begins at once if the answer to its fire waits for its end', async (t) => {
  const { target } = await setup(t)
  const actions = createActions({
    userAgent: 'chronos/test',
    outbound: createOutbound({ allow: ['127.0.0.0/8'], own: [] }),
    untilCalm: () => new Promise(() => {}),
  })
  const job = {
    ...{ id: 'ab12cd34ef56', project: 'default', name: 'a job', timeoutMs: null, prompt: null, skills: [] },
    action: { type: 'http', url: `${target.url}/one` },
  }
  const run = { ...someRun, isAwaited: true }
  assert.equal((await actions.run(job, run, new AbortController().signal)).state, 'succeeded')
})
