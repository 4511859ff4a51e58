import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before as first, test } from 'node:test'
import { makeKey, type Made } from '../keys/setup.ts'
import { type Json, type Service, startService } from '../support/service.ts'
import { until } from '../support/until.ts'

let service: Service
let ours: Record<'job' | 'run' | 'delivery' | 'key', string>
let own: Made
let stranger: Made

/** Everything that a project may have, each under a name that says whose it is. */
first(async () => {
  service = await startService({ env: { ENCRYPTION_KEY: randomBytes(32).toString('base64') } })
  for (const name of ['alpha', 'beta']) await service.api('PUT', `/api/projects/${name}`, {})
  own = await makeKey(service, { name: 'alpha-key', scopes: ['admin'], project: 'alpha' })
  stranger = await makeKey(service, { name: 'beta-key', scopes: ['admin'], project: 'beta' })
  const put = (path: string, body: Json) => service.api('PUT', path, body, own.as)
  await put('/api/secrets/ALPHA_SECRET', { value: 'alpha-value' })
  const nowhere = `${service.target.url.replace('127.0.0.1', 'localhost')}/alpha-channel`
  await put('/api/channels/alpha-channel', { type: 'webhook', url: nowhere })
  const made = await put('/api/jobs/by-key/alpha-key-of-job', {
    name: 'alpha-job',
    schedule: 'every 1h',
    tags: ['alpha-tag'],
    deliver: { channel: 'alpha-channel', on: 'always' },
    action: { type: 'http', url: 'http://127.0.0.1:1/{{secrets.ALPHA_SECRET}}' },
  })
  assert.equal(made.status, 201, JSON.stringify(made.body))
  const job = made.body.job.id
  const started = await service.api('POST', `/api/jobs/${job}/run`, {}, own.as)
  const run = started.body.run.id
  const delivery = await until('the run has failed and told its channel', async () => {
    const { body } = await service.api('GET', `/api/runs/${run}/deliveries`, undefined, own.as)
    const [told] = body.deliveries
    return told && told.state !== 'pending' ? told.id : null
  })
  ours = { job, run, delivery, key: own.id }
})
after(() => service.close())

/** Texts that only an answer about the other project can have. */
const marks = () => [...Object.values(ours), 'alpha', 'ALPHA']

const bodies: Record<string, Json> = {
  'POST /api/jobs': { name: 'x', schedule: 'every 1h', prompt: 'x', after: null },
  'PUT /api/jobs/by-key/{key}': { schedule: 'every 1h', action: { type: 'handler', handler: 'hello' } },
  'PATCH /api/jobs/{id}': { name: 'stolen' },
  'POST /api/keys': { name: 'x', scopes: ['admin'], project: 'alpha' },
  'PUT /api/secrets/{name}': { value: 'a value of beta' },
  'PUT /api/channels/{name}': { type: 'webhook', url: 'http://127.0.0.1:1' },
  'PUT /api/projects/{name}': { jobs: 0 },
  'POST /api/schedules/preview': { schedule: 'every 1h' },
  'POST /api/plan': { jobs: {} },
  'POST /api/apply': { jobs: {} },
  'POST /mcp': {
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'find_jobs', arguments: { state: 'all' } },
  },
}
const queries: Record<string, () => string> = {
  'GET /api/jobs': () => '?state=all',
  'GET /api/jobs/strips': () => `?ids=${ours.job}`,
}
const own404 = new Set(['GET /api/channels/{name}', 'GET /api/jobs/by-key/{key}'])

/** Each operation of the document, with the ids and names of the other project filled in. */
async function callsOf(): Promise<{ key: string; method: string; path: string; isNamed: boolean }[]> {
  const { body } = await service.api('GET', '/openapi.json')
  const paths: Record<string, object> = body.paths
  const open = new Set(['/api/cron/fire', '/api/callbacks/{token}', '/api/session'])
  return Object.entries(paths)
    .filter(([path]) => !open.has(path))
    .flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => {
        const key = `${method.toUpperCase()} ${path}`
        return {
          key,
          method: method.toUpperCase(),
          path: filled(path) + (queries[key]?.() ?? ''),
          isNamed: path.includes('{'),
        }
      }),
    )
}

function filled(path: string): string {
  const id = path.startsWith('/api/runs') ? ours.run : path.startsWith('/api/keys') ? ours.key : ours.job
  const name = path.startsWith('/api/secrets')
    ? 'ALPHA_SECRET'
    : path.startsWith('/api/channels')
      ? 'alpha-channel'
      : 'alpha'
  const given: Json = { id, name, key: 'alpha-key-of-job', delivery: ours.delivery }
  return path.replaceAll(/\{(\w+)\}/g, (_all, one: string) => given[one])
}

const mcp = { accept: 'application/json, text/event-stream', 'mcp-protocol-version': '2025-11-25' }
const as = (made: Made) => ({ ...made.as, ...mcp })

async function stateOfOurs(): Promise<string> {
  const paths = [
    ...[`/api/jobs/${ours.job}`, `/api/runs/${ours.run}`, `/api/runs/${ours.run}/deliveries`],
    ...['/api/jobs', '/api/runs', '/api/channels', '/api/secrets', '/api/projects', '/api/keys'],
  ]
  const answers = await Promise.all(paths.map((path) => service.api('GET', path, undefined, own.as)))
  return JSON.stringify(answers.map(({ body }) => body)).replaceAll(
    /"(last_used_at|updated_at|armed)":("[^"]*"|true|false)/g,
    '',
  )
}

test('no operation of the document shows a key anything of another project, or changes it', async () => {
  const before = await stateOfOurs()
  const order = ['GET', 'POST', 'PATCH', 'DELETE', 'PUT']
  const calls = (await callsOf()).toSorted((a, b) => order.indexOf(a.method) - order.indexOf(b.method))
  assert.ok(calls.length > 50, 'the document has all operations')
  // what is put under a name comes last: it is then the caller's own
  for (const { key, method, path, isNamed } of calls) {
    const body = method === 'GET' ? undefined : (bodies[key] ?? {})
    const { status, body: answer } = await service.api(method, path, body, as(stranger))
    const isRefused = [403, 404].includes(status)
    // a name that is free in the own project may be given there
    if (isNamed && method !== 'PUT') assert.ok(isRefused, `${key}: ${status} ${JSON.stringify(answer)}`)
    if (isNamed && (method === 'GET' || own404.has(key))) assert.equal(status, 404, key)
    // a refusal repeats what it was asked for, and an answer to a name has that name
    if (isNamed || isRefused) continue
    const text = JSON.stringify(answer)
    for (const mark of marks()) assert.ok(!text.includes(mark), `${key} shows ${mark}: ${text}`)
  }
  assert.equal(await stateOfOurs(), before)
})

test('each of those reads shows the project to a key of its own', async () => {
  for (const { key, method, path, isNamed } of await callsOf()) {
    if (method !== 'GET' || !isNamed) continue
    const { status } = await service.api(method, path, undefined, as(own))
    assert.ok(status === 200, `${key}: ${status}`)
  }
  for (const path of [
    '/api/jobs',
    '/api/runs',
    '/api/deliveries',
    '/api/failures',
    '/api/timeline',
    '/api/audit',
    '/api/export',
    '/api/costs',
  ])
    assert.match(JSON.stringify((await service.api('GET', path, undefined, own.as)).body), /alpha/, path)
})

test('a name is unique in its project only: of keys, channels and secrets', async () => {
  const headers = { 'chronos-project': 'beta' }
  const { body } = await service.api('GET', '/api/jobs/by-key/alpha-key-of-job', undefined, headers)
  assert.notEqual(body.job.id, ours.job)
  assert.equal(body.job.project, 'beta')
  const secrets = await service.api('GET', '/api/secrets', undefined, headers)
  assert.deepEqual(namesIn(secrets.body.secrets), ['ALPHA_SECRET'])
  const [call] = service.target.calls.filter(({ path }) => path === '/alpha-channel')
  assert.ok(call, 'the channel of the own project was told')
})

const namesIn = (things: { name: string }[]) => things.map(({ name }) => name)

test('a job refers to what its own project has alone', async () => {
  const job = { name: 'x', schedule: 'every 1h', action: { type: 'http', url: 'http://127.0.0.1:1' } }
  const wishes = [
    { ...job, schedule: undefined, after: { job: ours.job } },
    { ...job, deliver: { channel: 'beta-none' } },
    { ...job, action: { type: 'http', url: 'http://127.0.0.1:1/{{secrets.NOT_THERE}}' } },
  ]
  for (const wish of wishes) {
    const { status, body } = await service.api('POST', '/api/jobs', wish, stranger.as)
    assert.equal(`${status} ${body.code}`, '400 FIELD_INVALID')
  }
})

test('a key of all projects sees all of them, and chooses one by a header', async () => {
  const namesOf = async (headers: Record<string, string>) => {
    const { body } = await service.api('GET', '/api/jobs?state=all', undefined, headers)
    const jobs: { project: string }[] = body.jobs
    return [...new Set(jobs.map(({ project }) => project))].toSorted((a, b) => a.localeCompare(b))
  }
  assert.deepEqual(await namesOf({}), ['alpha', 'beta'])
  assert.deepEqual(await namesOf({ 'chronos-project': 'alpha' }), ['alpha'])
  assert.equal((await service.api('GET', '/api/jobs', undefined, { 'chronos-project': 'none' })).status, 404)
  const found = async (headers: Record<string, string>) =>
    JSON.stringify((await service.api('POST', '/mcp', bodies['POST /mcp'], { ...mcp, ...headers })).body)
  assert.match(await found({}), new RegExp(ours.job))
  assert.doesNotMatch(await found({ 'chronos-project': 'beta' }), new RegExp(ours.job))
  const plain = await service.makeJob()
  assert.equal(plain.project, 'default')
  const refused = await service.api('GET', '/api/jobs', undefined, {
    ...stranger.as,
    'chronos-project': 'alpha',
  })
  assert.equal(`${refused.status} ${refused.body.code}`, '403 PROJECT_REFUSED')
})

test('a project that has something left is not removed', async () => {
  const refused = await service.api('DELETE', '/api/projects/alpha', {})
  assert.equal(`${refused.status} ${refused.body.code}`, '409 PROJECT_IN_USE')
  await service.api('PUT', '/api/projects/gamma', {})
  assert.equal((await service.api('DELETE', '/api/projects/gamma', {})).status, 200)
  assert.equal((await service.api('DELETE', '/api/projects/gamma', {})).status, 404)
})

test('a job that a key of all projects makes is in the audit log of the project that it is made in', async () => {
  const usual = await makeKey(service, { name: 'usual-key', scopes: ['admin'], project: 'default' })
  const body = { name: 'of all', schedule: 'every 1h', prompt: 'x' }
  const { body: made } = await service.api('POST', '/api/jobs', body)
  const seen = async (key: Made['as']): Promise<Json[]> =>
    (await service.api('GET', '/api/audit', undefined, key)).body.entries
  const isOfIt = ({ action, target }: Json) => action === 'createJob' && target === made.job.id
  const entry = await until('it is answered', async () => (await seen(usual.as)).find(isOfIt))
  assert.deepEqual([entry.actor, entry.target_name], ['API_KEY', 'of all'])
  assert.equal((await seen(stranger.as)).some(isOfIt), false)
})
