import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { codeOf } from '../rest/setup.ts'
import { makeKey } from '../keys/setup.ts'
import { type Json, type Service, startService } from '../support/service.ts'
import { finished, startForClients } from './setup.ts'

// What existing clients call first, and what they show of a job.

let service: Service
before(async () => {
  service = await startForClients()
})
after(() => service.close())

test('health is told without a key and without the database', async (t) => {
  const { database, nas, target } = service
  const none = { ...database, url: 'postgres://nobody@127.0.0.1:1/none' }
  const lost = await startService({ nas, target, database: none, begin: false })
  t.after(() => lost.close())
  for (const path of ['/health', '/v1/health']) {
    const answer = await fetch(lost.url + path)
    const body = (await answer.json()) as Json
    assert.deepEqual(
      [answer.status, body.status, body.platform, body.service],
      [200, 'ok', 'hermes-agent', 'chronos'],
    )
    assert.equal(typeof body.version, 'string')
  }
})

test('the other routes of existing clients need a key that may read jobs', async () => {
  const job = await service.makeJob()
  const starter = await makeKey(service, { scopes: ['runs:start'] })
  for (const path of [
    '/v1/models',
    '/v1/capabilities',
    `/api/jobs/${job.id}/executions`,
    `/api/jobs/${job.id}/output`,
  ]) {
    const answer = await fetch(service.url + path)
    assert.equal(answer.status, 401, path)
    assert.equal(codeOf(await service.api('GET', path, undefined, starter.as)), '403 SCOPE_MISSING', path)
    assert.equal((await service.api('GET', path)).status, 200, path)
  }
})

test('GET /v1/models is a list in the form of OpenAI, with the model that prompts are put to', async (t) => {
  const { body } = await service.api('GET', '/v1/models')
  assert.equal(body.object, 'list')
  const [model] = body.data
  assert.deepEqual(
    [body.data.length, model.id, model.object, model.owned_by],
    [1, 'chronos', 'model', 'chronos'],
  )
  assert.equal(typeof model.created, 'number')
  const named = await startForClients({ PROMPT_MODEL: 'large-2' })
  t.after(() => named.close())
  assert.equal((await named.api('GET', '/v1/models')).body.data[0].id, 'large-2')
  assert.equal((await named.api('GET', '/v1/capabilities')).body.model, 'large-2')
})

test('GET /v1/capabilities says what is here, and that there is no agent', async () => {
  const { body } = await service.api('GET', '/v1/capabilities')
  assert.deepEqual(
    [body.object, body.platform, body.service, body.auth],
    ['hermes.api_server.capabilities', 'hermes-agent', 'chronos', { type: 'bearer', required: true }],
  )
  const { chat_completions: chats, run_submission: runs, jobs_api: jobs, cors } = body.features
  assert.deepEqual([chats, runs, jobs, cors], [false, false, true, false])
  const document = (await service.api('GET', '/openapi.json')).body
  for (const { method, path } of Object.values(body.endpoints as Record<string, Json>)) {
    const here = String(path).replace('{job_id}', '{id}')
    assert.ok(document.paths[here]?.[String(method).toLowerCase()], `${method} ${path}`)
  }
})

test('executions of a job are its runs, newest first, in the words of such a ledger', async () => {
  service.target.behave('/fails', { does: 'status', value: 500, times: 1 })
  const action = { type: 'http', url: `${service.target.url}/fails` }
  const job = await service.makeJob({ action })
  const ids: string[] = []
  for (const _ of [1, 2]) {
    const { run } = (await service.api('POST', `/api/jobs/${job.id}/run`)).body
    await finished(service, run.id)
    ids.unshift(run.id)
  }
  const { body } = await service.api('GET', `/api/jobs/${job.id}/executions`)
  const executions = body.executions as Json[]
  assert.deepEqual(
    executions.map(({ id, job_id, source, status, state }) => ({ id, job_id, source, status, state })),
    [
      { id: ids[0], job_id: job.id, source: 'manual', status: 'completed', state: 'succeeded' },
      { id: ids[1], job_id: job.id, source: 'manual', status: 'failed', state: 'failed' },
    ],
  )
  assert.deepEqual([executions[0]?.error, executions[0]?.claimed_at], [null, '2026-06-18T08:00:00.000Z'])
  assert.match(executions[1]?.error, /^HTTP_STATUS: .*500/)
  const first = (await service.api('GET', `/api/jobs/${job.id}/executions?limit=1`)).body
  assert.deepEqual([first.executions.length, first.executions[0].id], [1, ids[0]])
  const next = await service.api('GET', `/api/jobs/${job.id}/executions?limit=1&cursor=${first.next_cursor}`)
  assert.equal(next.body.executions[0].id, ids[1])
  assert.equal(codeOf(await service.api('GET', '/api/jobs/ffffffffffff/executions')), '404 JOB_NOT_FOUND')
})

test('the outputs of a job are listed newest first, as files with their contents', async () => {
  const says = (body: string) => service.target.behave('/says', { does: 'status', body, times: 1 })
  const job = await service.makeJob({ action: { type: 'http', url: `${service.target.url}/says` } })
  const output = async (query = '') => (await service.api('GET', `/api/jobs/${job.id}/output${query}`)).body
  assert.deepEqual(await output(), { job_id: job.id, output: null, outputs: [] })
  const runs: Json[] = []
  for (const text of ['first', 'sécond']) {
    says(text)
    const { run } = (await service.api('POST', `/api/jobs/${job.id}/run`)).body
    runs.unshift(await finished(service, run.id))
  }
  const body = await output('?limit=5&profile=work')
  assert.match(body.output, /sécond/)
  const outputs = body.outputs as Json[]
  assert.deepEqual(
    outputs.map((one) => [one.run_id, one.content, one.size, one.truncated]),
    runs.map((run) => [run.id, run.output, Buffer.byteLength(run.output), false]),
  )
  assert.deepEqual(
    [outputs[0]?.timestamp, outputs[0]?.filename],
    ['2026-06-18T08:00:00.000Z', '2026-06-18_08-00-00.md'],
  )
  assert.equal((await output('?limit=1')).outputs.length, 1)
  assert.equal(codeOf(await service.api('GET', '/api/jobs/ffffffffffff/output')), '404 JOB_NOT_FOUND')
})
