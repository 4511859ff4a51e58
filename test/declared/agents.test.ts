import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { after, before, test } from 'node:test'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { bridge } from '../../cli/mcp.ts'
import { contextOf } from '../../cli/context.ts'
import { apiKey, type Json, type Service, startService } from '../support/service.ts'
import { until } from '../support/until.ts'

let service: Service
before(async () => {
  service = await startService()
})
after(() => service.close())

type Era = 'modern' | 'legacy'

/** The SDK's own client, of the newest revision or of the one before. */
async function connect(era: Era, key = apiKey): Promise<Client> {
  const mode = era === 'modern' ? { pin: '2026-07-28' } : 'legacy'
  const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } })
  const requestInit = { headers: { authorization: `Bearer ${key}` } }
  await client.connect(new StreamableHTTPClientTransport(new URL(`${service.url}/mcp`), { requestInit }))
  return client
}

async function keyWith(...scopes: string[]): Promise<string> {
  return (await service.api('POST', '/api/keys', { name: 'agent', scopes })).body.secret
}

const textOf = (result: Json) => result.content[0].text as string
const namesOf = async (client: Client) => (await client.listTools()).tools.map(({ name }) => name)

for (const era of ['modern', 'legacy'] as const)
  test(`an agent makes a job, runs it and reads why it failed (${era})`, async () => {
    service.target.behave('/bad', { does: 'status', value: 500, body: 'no' })
    const client = await connect(era)
    const call = async (name: string, given: Record<string, unknown>) =>
      (await client.callTool({ name, arguments: given })) as Json
    const preview = JSON.parse(textOf(await call('preview_schedule', { schedule: '0 9 * * 1', count: 2 })))
    assert.equal(preview.next.length, 2)
    const fields = {
      name: `agent ${era}`,
      key: era,
      schedule: 'every 1d',
      action: { type: 'http', url: `${service.target.url}/bad` },
    }
    const draft = JSON.parse(textOf(await call('create_job', { ...fields, validate_only: true })))
    assert.equal(draft.valid, true)
    assert.equal((await service.api('GET', `/api/jobs/by-key/${era}`)).status, 404)
    const made = JSON.parse(textOf(await call('create_job', fields)))
    assert.equal(made.key, era)
    const run = JSON.parse(textOf(await call('run_job', { job: era, wait_s: 30 })))
    assert.deepEqual([run.state, run.error.code], ['failed', 'HTTP_STATUS'])
    assert.match(textOf(await call('explain_job', { job: era })), /Started by hand .*: failed/)
    await call('pause_job', { job: made.id, reason: 'broken' })
    assert.match(textOf(await call('explain_job', { job: era })), /has been paused .*: broken/)
    assert.equal(JSON.parse(textOf(await call('resume_job', { job: era }))).state, 'scheduled')
    const changed = await call('change_job', { job: era, schedule: 'every 45m' })
    assert.equal(JSON.parse(textOf(changed)).schedule, 'every 45m')
    const { runs } = JSON.parse(textOf(await call('find_runs', { job: era, status: 'failed' })))
    assert.equal(runs[0].id, run.id)
    assert.equal(JSON.parse(textOf(await call('get_run', { run: run.id }))).id, run.id)
    assert.equal(typeof textOf(await call('read_log', { run: run.id })), 'string')
    assert.equal(JSON.parse(textOf(await call('find_jobs', { q: `agent ${era}` }))).jobs.length, 1)
    const wrong = await call('create_job', { ...fields, key: 'other', schedule: 'at noonish' })
    assert.deepEqual([wrong.isError, /SCHEDULE_INVALID/.test(textOf(wrong))], [true, true])
    const { resources } = await client.listResources()
    const uri = resources.find(({ name }) => name === fields.name)?.uri ?? ''
    const { contents } = await client.readResource({ uri })
    assert.equal(JSON.parse((contents[0] as Json).text).id, made.id)
    await client.close()
  })

test('the scopes of a key decide which tools there are', async () => {
  const reader = await connect('modern', await keyWith('jobs:read'))
  const names = await namesOf(reader)
  assert.ok(names.includes('find_jobs'))
  assert.ok(!names.includes('create_job') && !names.includes('run_job'))
  const refused = (await reader.callTool({ name: 'run_job', arguments: { job: 'modern' } })) as Json
  assert.equal(refused.isError, true)
  const starter = await connect('modern', await keyWith('jobs:read', 'runs:start'))
  assert.ok((await namesOf(starter)).includes('run_job'))
  await assert.rejects(connect('modern', 'wrong'))
  await Promise.all([reader.close(), starter.close()])
})

test('a run that is started while the timer service fails is the one that the agent reads of', async () => {
  const client = await connect('modern')
  const { body } = await service.api('POST', '/api/jobs', {
    ...{ name: 'unarmed', key: 'unarmed', schedule: 'every 1h', overlap: 'allow' },
    action: { type: 'http', url: `${service.target.url}/slow` },
  })
  service.target.behave('/slow', { does: 'hang' })
  await service.nas.misbehave('answer', '500')
  const run = `/api/jobs/${body.job.id}/run`
  const [byAgent, byHand] = await Promise.all([
    client.callTool({ name: 'run_job', arguments: { job: 'unarmed', wait_s: 0, input: { of: 'agent' } } }),
    service.api('POST', run, { input: { of: 'hand' } }),
  ])
  assert.deepEqual([byHand.status, byHand.body.code], [424, 'NOT_ARMED'])
  assert.equal(byHand.headers.get('location'), `/api/runs/${byHand.body.run.id}`)
  const told = JSON.parse(textOf(byAgent as Json))
  assert.equal((byAgent as Json).isError, undefined)
  const inputs = await service.database.sql`
    select id, input from runs where id in ${service.database.sql([told.id, byHand.body.run.id])}`
  assert.deepEqual(Object.fromEntries(inputs.map(({ id, input }) => [id, input])), {
    [told.id]: { of: 'agent' },
    [byHand.body.run.id]: { of: 'hand' },
  })
  await service.nas.behave()
  for (const id of [told.id, byHand.body.run.id]) await service.api('POST', `/api/runs/${id}/cancel`, {})
  await client.close()
})

test('a wait that is no number of seconds is refused, and nothing is started', async () => {
  const client = await connect('modern')
  for (const wait of ['x', {}, -1, 61, 1e9, 1.5]) {
    const refused = (await client.callTool({
      name: 'run_job',
      arguments: { job: 'modern', wait_s: wait },
    })) as Json
    assert.deepEqual(
      [refused.isError, textOf(refused)],
      [true, 'wait_s: must be a whole number from 0 to 60'],
    )
  }
  await client.close()
})

test('what an agent changes is in the audit log, and its calls hold nothing up', async () => {
  const { body } = await service.api('GET', '/api/audit?action=createJob')
  assert.ok((body.entries as Json[]).some(({ status }) => status === 201))
  await until('nothing is held but this call', async () => {
    const status = await service.api('GET', '/api/status')
    return status.body.process.holds.request === 1
  })
})

test('chronos mcp hands the messages of an agent on this machine to the service', async () => {
  const written: string[] = []
  const line = { jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} }
  const io = {
    out: (text: string) => void written.push(text),
    err: () => {},
    read: async () => '',
    async *lines() {
      yield JSON.stringify(line)
    },
    ask: null,
    ...{ env: { CHRONOS_URL: service.url, CHRONOS_API_KEY: apiKey }, isTerminal: false, home: '/', fetch },
    keyring: null,
    open: () => {},
  }
  await bridge(contextOf(io, {}))
  assert.equal(written.length, 1)
  const { id, result } = JSON.parse(written[0] ?? '')
  assert.deepEqual([id, (result.tools as Json[]).length > 5], [1, true])
})

test('an answer to an agent closes the connection if the agent asks for that', async () => {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} })
  const headers = {
    authorization: `Bearer ${apiKey}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    connection: 'close',
  }
  const asked = request(`${service.url}/mcp`, { method: 'POST', headers, agent: false })
  asked.end(body)
  const [answer] = (await once(asked, 'response')) as [IncomingMessage]
  assert.deepEqual([answer.statusCode, answer.headers.connection], [200, 'close'])
  answer.resume()
  await once(answer, 'close')
})

test('/llms.txt tells an agent what there is', async () => {
  const { status, body } = await service.api('GET', '/llms.txt')
  assert.equal(status, 200)
  const page = body as string
  assert.match(page, /^# Chronos/)
  for (const name of ['explain_job', 'create_job']) assert.ok(page.includes(name))
})

test('no message comes without a request, which agents are told by 405 as the protocol has it: they take a 404 for the end', async () => {
  for (const method of ['GET', 'DELETE']) {
    const headers = { authorization: `Bearer ${apiKey}`, accept: 'text/event-stream' }
    const answer = await fetch(`${service.url}/mcp`, { method, headers })
    assert.deepEqual([answer.status, answer.headers.get('allow')], [405, 'POST'])
    assert.equal(((await answer.json()) as Json).code, 'METHOD_NOT_ALLOWED')
  }
})
