import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { commandsOn } from '../support/command-users.ts'
import { type Nas, startNas } from '../../dev/nas/index.ts'
import { type ServiceProcess, startProcess } from '../../dev/torture/process.ts'
import { operations, otherOperations } from '../../routes/schemas/index.ts'
import type { Json } from '../support/service.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type Echo, startEcho, startMailEcho } from './echo.ts'
import { dump, leaks, textsIn } from './haystack.ts'
import { freePort } from '../../dev/free-port.ts'
import { until } from '../support/until.ts'

// A value of its own in every input for secrets, targets that give back all that they are sent, and then a search for
// each value, in every form, in all that can be seen: rows, answers of the API, log.

const random = () => randomBytes(18).toString('base64url')
/** With what is escaped differently in JSON, in URLs and in HTML. */
const tricky = () => `${random()}/+"&<'${random()}`

/** Secrets of the store, and where a job or a channel uses them. */
const stored: Record<string, string> = {
  IN_PATH: tricky(),
  IN_QUERY: tricky(),
  IN_HEADER: tricky(),
  IN_BODY: tricky(),
  IN_FORM: tricky(),
  IN_LINES: `-----BEGIN KEY-----\n${random()}\n${random()}\n-----END KEY-----\n`,
  AS_PASSWORD: random(),
  AT_THE_END: `${random()}${random()}`,
  IN_GATE: tricky(),
  IN_PROMPT_KEY: random(),
  IN_PROMPT: tricky(),
  IN_ENV: tricky(),
  IN_ARGS: tricky(),
  IN_STDIN: tricky(),
  IN_HANDLER: tricky(),
  IN_CALLBACK: tricky(),
  IN_HOOK: `whsec_${randomBytes(32).toString('base64')}`,
  IN_HOOK_HEADER: random(),
  IN_CHANNEL: random(),
  IN_PING: random(),
}
/** Written into a channel as they are. */
const literal = {
  hook: `whsec_${randomBytes(32).toString('base64')}`,
  header: random(),
  bot: random(),
  path: random(),
  ping: random(),
  mail: random(),
}
const environment = {
  API_KEY: `key-${random()}`,
  ENCRYPTION_KEY: randomBytes(32).toString('base64'),
  ENCRYPTION_KEYS_OLD: randomBytes(32).toString('base64'),
  PROMPT_API_KEY: `prompt-${random()}`,
}
const refreshToken = `refresh-${random()}`
/** Written where none may stand, and refused. */
const refused: string[] = []

let database: TestDatabase
let nas: Nas
let echo: Echo
let mail: Awaited<ReturnType<typeof startMailEcho>>
let service: ServiceProcess
/** Every answer that anyone got. */
const answers: string[] = []

before(async () => {
  database = await createTestDatabase()
  const port = await freePort()
  ;[echo, nas] = await Promise.all([startEcho(), startNas({ refreshToken })])
  mail = await startMailEcho([literal.mail])
  service = await startProcess(port, {
    ...environment,
    ...nas.environment({ refresh: true }),
    DATABASE_URL: database.url,
    CALLBACK_URL: `http://127.0.0.1:${port}`,
    PROMPT_BASE_URL: `${echo.url}/v1`,
    PROMPT_MODEL: 'echo',
    ...commandsOn,
    LOG_LEVEL: 'trace',
  })
  for (const [name, value] of Object.entries(stored)) {
    // one that is refused, to see what the refusal says, and then the value
    await call('PUT', `/api/secrets/${name}`, { value, also: value })
    await call('PUT', `/api/secrets/${name}`, { value: [value] })
    assert.equal((await call('PUT', `/api/secrets/${name}`, { value })).status, 201)
  }
})
after(async () => {
  service.signal('SIGKILL')
  mail.close()
  await Promise.all([echo.close(), nas.close()])
  await database.drop()
})

const secret = (name: string) => `{{secrets.${name}}}`
const everywhere = {
  method: 'POST',
  headers: { 'x-secret': secret('IN_HEADER'), authorization: `Basic ${secret('AS_PASSWORD')}` },
  body: { deep: [{ token: secret('IN_BODY'), key: secret('IN_LINES') }], text: `a ${secret('IN_BODY')} b` },
}
const query = `?path=${secret('IN_PATH')}&q=${secret('IN_QUERY')}`

type Case = { name: string; uses: string[]; state: string; job: () => object }

const http = (way: string, fields: object = {}) => ({
  action: { type: 'http', url: `${echo.url}/${way}${query}`, ...everywhere, ...fields },
})
const used = ['IN_PATH', 'IN_QUERY', 'IN_HEADER', 'AS_PASSWORD', 'IN_BODY', 'IN_LINES']

const cases: Case[] = [
  { name: 'a call that succeeds', uses: used, state: 'succeeded', job: () => http('ok') },
  { name: 'a call that fails', uses: used, state: 'failed', job: () => http('fail') },
  { name: 'a call that is redirected', uses: used, state: 'failed', job: () => http('redirect') },
  { name: 'a call that breaks off', uses: used, state: 'failed', job: () => http('close') },
  {
    name: 'a call without an end',
    uses: used,
    state: 'timed_out',
    job: () => http('stall', { timeout_ms: 500 }),
  },
  {
    ...{ name: 'a form', uses: ['IN_FORM'], state: 'succeeded' },
    job: () => ({ action: { type: 'http', url: `${echo.url}/ok`, form: { token: secret('IN_FORM') } } }),
  },
  {
    ...{ name: 'an answer that is cut within a secret', uses: ['AT_THE_END'], state: 'succeeded' },
    job: () => ({
      action: { type: 'http', url: `${echo.url}/tail`, headers: { 'x-secret': secret('AT_THE_END') } },
    }),
  },
  {
    ...{ name: 'a gate that says nothing to do', uses: ['IN_GATE'], state: 'succeeded' },
    job: () =>
      http('ok', {
        when: { type: 'http', url: `${echo.url}/quiet`, headers: { 'x-secret': secret('IN_GATE') } },
      }),
  },
  {
    ...{ name: 'a gate that fails', uses: ['IN_GATE'], state: 'failed' },
    job: () =>
      http('ok', {
        when: { type: 'http', url: `${echo.url}/fail`, headers: { 'x-secret': secret('IN_GATE') } },
      }),
  },
  ...['', 'fails'].map((how) => ({
    ...{
      name: `an outcome reported later ${how}`,
      uses: ['IN_CALLBACK'],
      state: how ? 'failed' : 'succeeded',
    },
    job: () => ({
      action: {
        ...{ type: 'http', url: `${echo.url}/later?${how}`, callback: { deadline_ms: 60_000 } },
        headers: { 'x-secret': secret('IN_CALLBACK') },
      },
    }),
  })),
  {
    ...{ name: 'a prompt with the key of the service', uses: ['IN_PROMPT'], state: 'succeeded' },
    job: () => ({ prompt: `say ${secret('IN_PROMPT')}`, action: { type: 'prompt' } }),
  },
  {
    ...{ name: 'a prompt with a key of its own', uses: ['IN_PROMPT_KEY'], state: 'failed' },
    job: () => ({
      prompt: 'say it',
      action: {
        type: 'prompt',
        base_url: `${echo.url}/v1-refused`,
        api_key: secret('IN_PROMPT_KEY'),
        model: 'echo',
      },
    }),
  },
  ...[0, 3].map((status) => ({
    ...{ name: `a command that exits with ${status}`, uses: ['IN_ENV', 'IN_ARGS', 'IN_STDIN'] },
    ...{ state: status === 0 ? 'succeeded' : 'failed', job: () => ({ action: command(status) }) },
  })),
  {
    ...{ name: 'a handler that gives its input back', uses: ['IN_HANDLER'], state: 'succeeded' },
    job: () => ({ action: { type: 'handler', handler: 'hello', input: { name: secret('IN_HANDLER') } } }),
  },
]

/**
 * Writes its arguments, its environment and what it reads to both outputs, in several encodings; and then again and again
 * one of them, so that it stands wherever an output is cut.
 */
function command(status: number) {
  const script = `
    const read = require('node:fs').readFileSync(0, 'utf8')
    const all = [process.env.TOKEN, process.argv[1], read].join('\\n')
    for (const form of [all, Buffer.from(all).toString('base64'), Buffer.from(all).toString('hex'), JSON.stringify(all)]) {
      console.log(form)
      console.error(form)
    }
    for (const output of [process.stdout, process.stderr]) output.write((process.env.TOKEN + ' ').repeat(3000))
    process.exitCode = ${status}`
  return {
    ...{ type: 'command', command: process.execPath, args: ['-e', script, '--', secret('IN_ARGS')] },
    ...{ env: { TOKEN: secret('IN_ENV') }, stdin: secret('IN_STDIN') },
  }
}

const hook = (way: string) => ({
  ...{ type: 'webhook', url: `${echo.url}/${way}`, secrets: [secret('IN_HOOK')] },
  headers: { 'x-secret': secret('IN_HOOK_HEADER') },
})
const deliver = () => [hook('ok'), hook('fail'), ...Object.keys(channels()).map((channel) => ({ channel }))]
const channels = (): Record<string, object> => ({
  'literal-hook': {
    ...{ type: 'webhook', url: `${echo.url}/fail`, secrets: [literal.hook] },
    headers: { 'x-secret': literal.header },
  },
  'literal-slack': { type: 'slack', url: `${echo.url}/fail/${literal.path}` },
  'literal-telegram': { type: 'telegram', bot_token: literal.bot, chat_id: 1, api_base: `${echo.url}/fail` },
  'named-discord': { type: 'discord', url: secret('IN_CHANNEL_URL') },
  'literal-ping': { type: 'healthcheck', url: `${echo.url}/fail/${literal.ping}` },
  'named-ping': { type: 'healthcheck', url: secret('IN_PING_URL'), style: 'cronitor' },
  'literal-mail': {
    ...{ type: 'email', host: '127.0.0.1', port: mail.port, user: 'me', password: literal.mail },
    ...{ from: 'a@a.example', to: ['b@b.example'] },
  },
})

test('runs and deliveries reach targets with their secrets, and targets give all of it back', async () => {
  await call('PUT', '/api/secrets/IN_CHANNEL_URL', { value: `${echo.url}/fail/${stored['IN_CHANNEL']}` })
  await call('PUT', '/api/secrets/IN_PING_URL', { value: `${echo.url}/fail/${stored['IN_PING']}` })
  for (const [name, config] of Object.entries(channels())) {
    await call('PUT', `/api/channels/${name}`, { ...config, bot_token: [literal.bot], secrets: literal.hook })
    const made = await call('PUT', `/api/channels/${name}`, config)
    assert.ok(made.status === 200 || made.status === 201, JSON.stringify(made.body))
    await call('POST', `/api/channels/${name}/test`, {})
  }
  const runs: Json[] = []
  for (const one of cases) runs.push(await runCase(one))
  await runChain()
  for (const [index, run] of runs.entries()) {
    const { name, state } = cases[index] as Case
    assert.equal(
      run.state,
      state,
      `${name}: ${JSON.stringify(run.error)} ${String(run.output).slice(0, 300)}`,
    )
  }
  await until('deliveries are tried', async () => {
    const [row] = await database.sql<{ untried: number }[]>`
      select count(*)::int as untried from deliveries where state = 'pending' and error_code is null`
    return row?.untried === 0
  })
  const heard = echo.heard.join('\n')
  const names = ['IN_HOOK_HEADER', 'IN_CHANNEL', 'IN_PING', ...cases.flatMap(({ uses }) => uses)]
  const isLocal = (name: string) => /IN_(ENV|ARGS|STDIN|HANDLER)/.test(name)
  for (const name of names.filter((one) => !isLocal(one))) {
    const value = stored[name]?.trim() ?? ''
    const isHeard = heard.includes(value) || heard.includes(JSON.stringify(value).slice(1, -1))
    assert.ok(isHeard || heard.includes(encodeURIComponent(value)), `${name} was sent at all`)
  }
  assert.ok(
    heard.includes(literal.ping) && mail.heard.join().includes('AUTH PLAIN'),
    'pings and mails were sent',
  )
})

/** A job that is started by the outcome of one whose target gives everything back, and hands its output on again. */
async function runChain(): Promise<void> {
  const first = { name: 'first of a chain', schedule: 'every 30d', ...http('ok') }
  const made = await call('POST', '/api/jobs', first)
  const next = {
    ...{ name: 'second of a chain', after: { job: made.body.job.id, on: ['success', 'failure'] } },
    action: { type: 'http', url: `${echo.url}/ok`, body: '{{input.output}}' },
  }
  const second = await call('POST', '/api/jobs', next)
  assert.equal(second.status, 201, JSON.stringify(second.body))
  await call('POST', `/api/jobs/${made.body.job.id}/run`, {})
  await until('the chain has run', async () => {
    const { body } = await call('GET', `/api/jobs/${second.body.job.id}/runs`)
    return (body.runs as Json[]).some(({ finished_at: at }) => at !== null)
  })
}

/** As a client reads it that follows the log until it ends. */
async function follow(runId: string): Promise<void> {
  const headers = { authorization: `Bearer ${environment.API_KEY}` }
  const response = await fetch(`${service.url}/api/runs/${runId}/logs?follow=true`, { headers })
  assert.equal(response.status, 200)
  const text = await response.text()
  const pieces = [...text.matchAll(/^data: ?(.*)$/gm)].map(([, data = '']) => data)
  answers.push(text, pieces.join(''), pieces.join('\n'), ...pieces.flatMap(textsInLine))
}

function textsInLine(line: string): string[] {
  try {
    return textsIn(JSON.parse(line))
  } catch {
    return [line]
  }
}

async function runCase({ name, job }: Case): Promise<Json> {
  const fields = { name, schedule: 'every 30d', deliver: deliver(), ...job() }
  const made = await call('POST', '/api/jobs', fields)
  assert.equal(made.status, 201, `${name}: ${JSON.stringify(made.body)}`)
  const started = await call('POST', `/api/jobs/${made.body.job.id}/run`, {})
  assert.equal(started.status, 202, `${name}: ${JSON.stringify(started.body)}`)
  const path = `/api/runs/${started.body.run.id}`
  let run: Json
  await until(`${name} has ended`, async () => {
    run = (await call('GET', path)).body.run
    return run.finished_at !== null
  })
  return run
}

test('nothing that is refused quotes a secret that was written where none may stand', async () => {
  const value = tricky()
  refused.push(value)
  const bodies = [
    { action: { type: 'http', url: `http://user:${value}@a.example/` } },
    { action: { type: 'http', url: value } },
    { action: { type: 'http', url: 'http://a.example/', headers: { authorization: `${value}\n` } } },
    { action: { type: 'http', url: 'http://a.example/', headers: { authorization: `{{secrets.${value}` } } },
    { action: { type: 'prompt', api_key: value }, prompt: 'x' },
    { action: { type: 'command', command: 'x', env: { 'A-B': value } } },
    { deliver: [{ ...hook('ok'), secrets: [value] }], prompt: 'x' },
    { deliver: [{ type: 'slack', url: `http://a.example/${value}` }], prompt: 'x' },
    { deliver: [{ type: 'telegram', bot_token: value, chat_id: 1 }], prompt: 'x' },
  ]
  for (const body of bodies) {
    const { status } = await call('POST', '/api/jobs', { name: 'refused', schedule: 'every 1h', ...body })
    assert.equal(status, 400, JSON.stringify(body))
  }
})

test('after all that, none of the values stands in a row, an answer or the log, in any form', async () => {
  const tables = await dump(database.sql)
  await readEverything()
  await call('GET', '/api/jobs', undefined, { authorization: `Bearer ${environment.API_KEY}x` })
  await fetch(`${service.url}/api/jobs?token=${environment.API_KEY}`)
  service.signal('SIGTERM')
  await service.ended
  const places = { rows: tables, answers: answers.join('\n'), log: service.lines.join('\n') }
  assert.ok(places.rows.includes('[REDACTED]'), 'targets have given secrets back')
  assert.ok(places.log.includes('run ends'), 'the log was read')
  const password = decodeURIComponent(new URL(database.url).password)
  // of the addresses that targets were given to report to, and repeated: what cannot be guessed
  const addresses = echo.heard.flatMap((one) => one.match(/(?<=\/api\/callbacks\/[\w-]+\.)[\w-]+/g) ?? [])
  assert.ok(addresses.length > 1)
  const values = {
    ...{ ...stored, ...literal, ...environment, refreshToken, password },
    ...Object.fromEntries([...new Set(addresses)].map((value, index) => [`address ${index}`, value])),
    ...Object.fromEntries(refused.map((value, index) => [`refused ${index}`, value])),
  }
  const found = Object.entries(values).flatMap(([name, value]) =>
    Object.entries(places).flatMap(([place, haystack]) =>
      leaks(value, haystack).map((at) => `${name} in ${place}: ${at}`),
    ),
  )
  assert.deepEqual(found, [])
})

/** Every GET of the API, for everything that there is. */
async function readEverything(): Promise<void> {
  const { sql } = database
  const ids = async (rows: Promise<{ id: string }[]>) => (await rows).map(({ id }) => id)
  const [jobs, runs] = await Promise.all([
    ids(sql<{ id: string }[]>`select id from jobs`),
    ids(sql<{ id: string }[]>`select id from runs`),
  ])
  for (const id of runs) await follow(id)
  const named: [part: string, values: string[]][] = [
    ['/api/jobs/{id}', jobs],
    ['/api/runs/{id}', runs],
    ['/api/channels/{name}', Object.keys(channels())],
    ['/api/jobs/by-key/{key}', ['no-such-key']],
  ]
  const keys = [...Object.keys(operations), ...Object.keys(otherOperations)].filter((key) =>
    key.startsWith('GET '),
  )
  for (const path of keys.map((key) => key.slice('GET '.length))) {
    const [part, values] = named.find(([one]) => path.startsWith(one)) ?? ['', ['']]
    const asked = path === '/api/jobs/strips' ? `?ids=${jobs.slice(0, 100).join(',')}` : ''
    for (const value of values) {
      const { status } = await call('GET', path.replace(part, part.replace(/\{\w+\}/, value)) + asked)
      // a session is a cookie's, and this reader has a key
      const fits = path === '/api/session' ? [401] : [200, 404]
      assert.ok(fits.includes(status), `${path} was answered ${status}`)
    }
  }
}

async function call(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = { authorization: `Bearer ${environment.API_KEY}` },
): Promise<{ status: number; body: Json }> {
  const sent = body === undefined ? {} : { body: JSON.stringify(body) }
  const type: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' }
  const response = await fetch(service.url + path, { method, headers: { ...type, ...headers }, ...sent })
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.includes('json') ?? false
  const read: unknown = isJson && text ? JSON.parse(text) : text
  answers.push(JSON.stringify([...response.headers]), text, ...textsIn(read))
  return { status: response.status, body: read }
}
