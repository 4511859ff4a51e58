import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { createActions } from '../../src/actions/index.ts'
import { CallFailed, type Line } from '../../src/outbound/index.ts'
import { setup, someRun } from './setup.ts'

const someJob = {
  id: 'ab12cd34ef56',
  project: 'default',
  name: 'a job',
  action: { type: 'http', url: 'http://127.0.0.1:1/' },
  timeoutMs: null,
  prompt: null,
  skills: [],
}

/** Parts whose line is what the test says. */
function partsWith(send: Line['send']) {
  const line = { send, fetch: globalThis.fetch, close: async () => undefined }
  return { userAgent: 'chronos/test', outbound: { line: () => line } }
}

for (const type of ['ftp', 'constructor']) {
  test(`an action of type ${type} fails for good`, async (t) => {
    const { actions } = await setup(t)
    const outcome = await actions.run({ ...someJob, action: { type } }, someRun, new AbortController().signal)
    assert.equal(outcome.state, 'failed')
    assert.equal(outcome.final, true)
    assert.equal(outcome.error?.code, 'ACTION_NOT_AVAILABLE')
    assert.match(outcome.error.message, new RegExp(`"${type}" is not known; use "http"`))
  })
}

test('a body that breaks off for an unknown reason is a failure of the target', async () => {
  const broken = () =>
    new ReadableStream({ pull: (stream) => stream.error(new CallFailed(new Error('odd'))) })
  const actions = createActions(partsWith(async () => new Response(broken())))
  const outcome = await actions.run(someJob, someRun, new AbortController().signal)
  assert.equal(outcome.error?.code, 'CALL_FAILED')
})

test('a bug of ours is thrown, not taken for a failure of the target', async () => {
  const actions = createActions(partsWith(() => Promise.reject(new RangeError('ours'))))
  await assert.rejects(actions.run(someJob, someRun, new AbortController().signal), RangeError)
})

test('neither fetch nor what guards it is loaded before the first call', () => {
  const program = `
    import { registerHooks } from 'node:module'
    registerHooks({ resolve(name, context, next) { if (['ipaddr.js', 'node:tls', 'node:zlib'].includes(name)) console.log(name); return next(name, context) } })
    const { createActions } = await import('./src/actions/index.ts')
    const { createOutbound } = await import('./src/outbound/index.ts')
    createActions({ userAgent: 'x', outbound: createOutbound({ allow: [], own: [] }) })
    console.log(String(Symbol.for('undici.globalDispatcher.2') in globalThis))`
  const said = execFileSync(process.execPath, ['--input-type=module', '--eval', program], {
    encoding: 'utf8',
  })
  assert.equal(said, 'false\n')
})
