import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createActions } from '../../src/actions/index.ts'
import { createOutbound } from '../../src/outbound/index.ts'
import { someRun } from './setup.ts'

const { PATH = '' } = process.env

/** Through the door that all actions have in common: loaded late, logged, and with secrets taken out. */
function runs(action: { type: string; [field: string]: unknown }, env: { PATH: string } | null) {
  const logged: string[] = []
  const actions = createActions({
    userAgent: 'chronos/test',
    outbound: createOutbound({ allow: [], own: [] }),
    settings: {
      commands: env && { env, users: null, memoryMb: 0, processorS: 0, processes: 0, folderMb: 0 },
    },
    secret: async () => 'sesame-0815',
    openLog: () => ({
      write: (chunk) => void logged.push(Buffer.from(chunk).toString()),
      end: async () => null,
    }),
  })
  const job = {
    id: 'ab12cd34ef56',
    project: 'default',
    name: 'a job',
    action,
    timeoutMs: null,
    prompt: null,
    skills: [],
  }
  const outcome = actions.run(job, { ...someRun, slot: null }, new AbortController().signal)
  return { outcome, logged: () => logged.join('') }
}

test('a handler is run by its name', async () => {
  const { outcome } = runs({ type: 'handler', handler: 'hello', input: { name: '{{trigger}}' } }, null)
  assert.equal((await outcome).output, 'Hello, fire. This is attempt 2 of a job.')
})

test('a command is run where commands are on, and a secret that it says aloud is seen nowhere', async () => {
  const action = {
    ...{ type: 'command', command: 'sh', env: { KEY: '{{secrets.KEY}}' } },
    args: ['-c', 'echo "it is $KEY"; echo "$KEY" >&2; exit 3'],
  }
  const { outcome, logged } = runs(action, { PATH })
  const text = JSON.stringify(await outcome) + logged()
  assert.match(text, /EXIT_CODE/)
  assert.match(text, /it is /)
  assert.doesNotMatch(text, /sesame/)
  assert.equal((await runs(action, null).outcome).error?.code, 'ACTION_NOT_AVAILABLE')
})

test('a gate is asked before any type of action', async () => {
  const when = { type: 'handler', handler: 'hello' }
  assert.equal((await runs({ type: 'handler', handler: 'hello', when }, null).outcome).state, 'succeeded')
  const broken = { type: 'handler', handler: 'none' }
  const { outcome } = runs({ type: 'command', command: 'sh', when: broken }, { PATH })
  assert.equal((await outcome).error?.code, 'GATE_FAILED')
})
