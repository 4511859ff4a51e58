import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { commandsOn } from '../support/command-users.ts'
import { type Service, startService } from '../support/service.ts'
import { until } from '../support/until.ts'

const clock = '2026-06-18T08:00:00Z'
let service: Service
before(async () => {
  service = await startService({ clock, env: { ...commandsOn, CANARY: 'of the service' } })
})
after(() => service.close())

const save = (action: object, to = service) =>
  to.api('POST', '/api/jobs', { name: 'it', schedule: '0 9 * * *', action })

/** One run of an action, to its end, as the API shows it. */
async function run(action: object, input?: unknown) {
  const { status, body } = await save(action)
  assert.equal(status, 201, JSON.stringify(body))
  const started = await service.api(
    'POST',
    `/api/jobs/${body.job.id}/run`,
    input === undefined ? {} : { input },
  )
  assert.equal(started.status, 202)
  return until('the run has ended', async () => {
    const { body: shown } = await service.api('GET', `/api/runs/${started.body.run.id}`)
    return ['succeeded', 'failed', 'timed_out'].includes(shown.run.state) && shown.run
  })
}

test('a handler runs with the input of the action and that of the run', async () => {
  const { state, output } = await run({ type: 'handler', handler: 'hello' }, { name: 'Ada' })
  assert.deepEqual([state, output], ['succeeded', 'Hello, Ada. This is attempt 1 of it.'])
  const { error } = await run({ type: 'handler', handler: 'hello' }, { name: 7 })
  assert.equal(error.code, 'INPUT_INVALID')
  assert.match(error.message, /input\.name: 7 must be string/)
})

test('a command runs, and sees nothing of the service', async () => {
  const { state, output } = await run({ type: 'command', command: 'env', env: { MINE: '{{job.name}}' } })
  assert.equal(state, 'succeeded')
  assert.match(output, /^MINE=it$/m)
  assert.match(output, /^CHRONOS_ATTEMPT=1$/m)
  assert.doesNotMatch(output, /DATABASE_URL|API_KEY|CANARY/)
})

const refused = [
  {
    action: { type: 'handler', handler: 'helo' },
    path: 'action.handler',
    says: /no handler "helo"; use one of check-page, hello/,
  },
  { action: { type: 'handler', handler: '../x' }, path: 'action.handler', says: /use one of/ },
  {
    action: { type: 'command', command: 'ls', when: { type: 'handler', handler: 'none' } },
    path: 'action.when.handler',
    says: /no handler "none"; use one of/,
  },
  {
    action: { type: 'command', command: 'ls', env: { CHRONOS_RUN: 'x' } },
    path: 'action.env',
    says: /none that begins with CHRONOS_/,
  },
  {
    action: { type: 'command', command: 'ls', args: ['a\u0001', 7] },
    path: 'action.args[1]',
    says: /must be a string/,
  },
  { action: { type: 'command', command: '{{input}}' }, path: 'action.command', says: /without a template/ },
  { action: { type: 'command', command: 'ls', cwd: 'here' }, path: 'action.cwd', says: /an absolute path/ },
  {
    action: { type: 'command', command: 'ls', args: ['{{nothing}}'] },
    path: 'action.args[0]',
    says: /\{\{nothing\}\} is not known/,
  },
  {
    action: { type: 'handler', handler: 'hello', input: { a: ['{{no}}'] } },
    path: 'action.input.a[0]',
    says: /\{\{no\}\}/,
  },
]

for (const { action, path, says } of refused) {
  test(`${path} of ${JSON.stringify(action)} is refused when the job is saved`, async () => {
    const { status, body } = await save(action)
    assert.equal(status, 400)
    assert.equal(body.code, 'FIELD_INVALID')
    assert.deepEqual([body.errors.length, body.errors[0].path], [1, path])
    assert.match(body.errors[0].message, says)
  })
}

test('where commands are off a job with one is refused when it is saved', async () => {
  const off = await startService({
    clock,
    database: service.database,
    nas: service.nas,
    target: service.target,
    begin: false,
  })
  try {
    const { status, body } = await save({ type: 'command', command: 'ls' }, off)
    assert.equal(status, 400)
    assert.deepEqual(body.errors, [
      {
        path: 'action.type',
        message: 'action.type: commands are disabled on this service (COMMANDS is not "on")',
      },
    ])
  } finally {
    await off.close()
  }
})
