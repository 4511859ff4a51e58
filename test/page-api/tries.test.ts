import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { ActionJob } from '../../src/actions/index.ts'
import { realDelays } from '../../src/ground/delays.ts'
import { createTries } from '../../src/run/tries.ts'
import { commandsOn } from '../support/command-users.ts'
import { apiKey, startService } from '../support/service.ts'
import { until } from '../support/until.ts'

const service = await startService({ env: { TARGET_ALLOW: '127.0.0.1', ...commandsOn } })
after(service.close)

type Told = { event: string; data: Record<string, unknown> }

/** Tries a job; the events of it as they come, and the way to leave. */
async function tryJob(body: object, headers: Record<string, string> = {}) {
  const leave = new AbortController()
  const response = await fetch(`${service.url}/api/tries`, {
    ...{ method: 'POST', signal: leave.signal, body: JSON.stringify(body) },
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', ...headers },
  })
  return { response, leave: () => leave.abort() }
}

async function eventsOf(body: object): Promise<Told[]> {
  const { response } = await tryJob(body)
  const text = await response.text()
  assert.equal(response.status, 200, text)
  return [...text.matchAll(/event: (\w+)\ndata: (.*)\n/g)].map(([, event = '', data = '']) => ({
    ...{ event, data: JSON.parse(data) as Told['data'] },
  }))
}

const base = { name: 'tried', schedule: '0 9 * * *' }
const program = (script: string) => ({
  ...base,
  action: { type: 'command', command: 'sh', args: ['-c', script] },
})

test('a try tells its log and its outcome, and the target is called once', async () => {
  service.target.behave('/refused', { does: 'status', value: 500 })
  const called = service.target.calls.length
  const action = { type: 'http', url: `${service.target.url}/refused` }
  const events = await eventsOf({ ...base, action, retry: { attempts: 5, delay_ms: 1 } })
  const end = events.at(-1)
  assert.equal(end?.event, 'end')
  assert.equal(end.data['state'], 'failed')
  assert.equal((end.data['error'] as { code: string }).code, 'HTTP_STATUS')
  assert.equal(service.target.calls.length - called, 1)

  const [first, ...rest] = await eventsOf(program('printf "grüße\\n"; exit 0'))
  assert.deepEqual(first?.data, { attempt: 1, offset: 0, text: 'grüße\n' })
  assert.deepEqual(rest.at(-1)?.data['state'], 'succeeded')
})

test('what a new job is refused for, a try is: its schedule, its secrets', async () => {
  const refused = await tryJob({ ...program('true'), schedule: 'every weekday at half past' })
  assert.deepEqual(
    [refused.response.status, ((await refused.response.json()) as { code: string }).code],
    [400, 'SCHEDULE_INVALID'],
  )
  const headers = { authorization: 'Bearer {{secrets.MISSING}}' }
  const action = { type: 'http', url: service.target.url, headers }
  const missing = await tryJob({ ...base, action })
  assert.equal(((await missing.response.json()) as { code: string }).code, 'FIELD_INVALID')
})

test('a key that may not write jobs tries none, and a paused project begins none', async () => {
  const { secret } = (await service.api('POST', '/api/keys', { name: 'reader', scopes: ['jobs:read'] })).body
  const reader = await tryJob(program('true'), { authorization: `Bearer ${secret}` })
  assert.equal(reader.response.status, 403)
  await service.api('POST', '/api/projects/*/pause', { reason: 'moving house' })
  const paused = await tryJob(program('true'))
  assert.deepEqual(
    [paused.response.status, ((await paused.response.json()) as { code: string }).code],
    [409, 'PROJECT_PAUSED'],
  )
  await service.api('POST', '/api/projects/*/resume')
})

test('four tries at most are under way, and the place of one that was left is free again', async () => {
  const open = await Promise.all([1, 2, 3, 4].map(() => tryJob(program('sleep 300'))))
  const fifth = await tryJob(program('true'))
  assert.deepEqual(
    [fifth.response.status, ((await fifth.response.json()) as { code: string }).code],
    [503, 'TRIES_FULL'],
  )
  for (const { leave } of open) leave()
  await until('there is a place', async () => {
    const { response } = await tryJob(program('true'))
    await response.text()
    return response.status === 200
  })
})

test('a try whose caller went before it began is ended at once', async () => {
  const stopped: unknown[] = []
  const tries = createTries({
    actionsWith: () => ({
      async run(_job, _run, signal) {
        stopped.push(signal.aborted && (signal.reason as { code: string }).code)
        return { state: 'cancelled' }
      },
    }),
    ...{ leaving: new AbortController().signal, delays: realDelays, log: { error: () => {} } },
  })
  const job = {
    ...{ id: 'a', project: 'default', name: 'tried', prompt: null, skills: [], timeoutMs: 1_000 },
  }
  const action = { type: 'http', url: 'http://127.0.0.1:9' } as ActionJob['action']
  const events: string[] = []
  for await (const { type } of tries.begin({ ...job, action }, AbortSignal.abort())) events.push(type)
  assert.deepEqual([stopped, events], [['CANCELLED'], ['end']])
})
