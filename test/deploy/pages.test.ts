import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { glob, readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { test, type TestContext } from 'node:test'
import { parse as parseToml } from 'smol-toml'
import { parse as parseYaml } from 'yaml'
import { buildRelease } from '../../dev/fly/world.ts'
import { freePort } from '../../dev/free-port.ts'
import { startQstash } from '../../dev/qstash/index.ts'
import { readConfig } from '../../src/ground/config.ts'
import { exposuresOf } from '../../src/process/exposure.ts'
import { blocksOf, readPage } from '../docs/pages.ts'
import { setup as startRelay } from '../relay/setup.ts'
import { startServerProcess, type ServerProcess } from '../store/processes.ts'
import { createTestDatabase } from '../support/database.ts'
import { until } from '../support/until.ts'
import { commandsOf, inlineCommandsOf, runInline } from './inline.ts'
import { createSandbox, type Sandbox } from './sandbox.ts'

// Every command of the pages on deploying is run as it stands, in one shell for each page: those of the blocks in their
// order, and those within sentences after them. Programs of other people are stand-ins; the service and the relay that
// the pages call are real.

type Env = Record<string, string>

/** The pages whose commands are run, and how many of them stand within a sentence. */
const inlineCommands: Record<string, number> = {
  'docs/backup.md': 2,
  'docs/deploy-always-on.md': 1,
  'docs/deploy-fly.md': 2,
  'docs/deploy.md': 4,
  'docs/upgrade.md': 3,
}

test('the commands of each page on deploying are in blocks that are run here, or within a sentence', async () => {
  const pages = (await Array.fromAsync(glob('docs/{backup,deploy*,upgrade}.md'))).toSorted()
  assert.deepEqual(pages, Object.keys(inlineCommands))
  for (const path of pages) {
    const page = readPage(path)
    assert.equal(inlineCommandsOf(path).length, inlineCommands[path], inlineCommandsOf(path).join(', '))
    const others = blocksOf(page).filter(({ language }) => language !== 'sh deploy')
    assert.deepEqual(others, [], path)
    assert.doesNotMatch(page.text, /^\n {4,}(?![*+-] )\S/m, `${path}: a block of code that is not fenced`)
    assert.doesNotMatch(page.text, /^ +```/m, `${path}: a fence that does not begin its line`)
  }
})

/** The blocks of docs/upgrade.md, by the road that they belong to. */
const upgrades = { fly: /\bfly\b|fly\.dev/, docker: /^docker /, systemd: /^sudo /m }
const upgradeOf = (road: keyof typeof upgrades) =>
  commandsOf('docs/upgrade.md').filter((code) => upgrades[road].test(code))

test('each block of the page on upgrading belongs to one road, whose test runs it', () => {
  for (const code of commandsOf('docs/upgrade.md'))
    assert.equal(Object.values(upgrades).filter((form) => form.test(code)).length, 1, code)
})

/** Runs the blocks of a page in order, up to the first one that `isLast` is true for, and returns the others. */
async function follow(
  sandbox: Sandbox,
  blocks: string[],
  isLast: (code: string) => boolean,
): Promise<string[]> {
  const end = blocks.findIndex(isLast)
  assert.ok(end >= 0, 'the page has this block')
  for (const code of blocks.slice(0, end + 1)) await sandbox.run(code)
  return blocks.slice(end + 1)
}

/** An address behind which the service runs with these variables; with others it is started again, as machines are. */
async function startPlace(context: TestContext, variables: () => Promise<Env>): Promise<string> {
  let running: { key: string; service: ServerProcess } | undefined
  const current = async () => {
    const { PORT: _chosen, ...env } = await variables()
    const key = JSON.stringify(env)
    if (running?.key !== key) {
      await running?.service.kill('SIGTERM')
      running = { key, service: await startServerProcess(env) }
    }
    return running.service.url
  }
  const server = createServer((request, response) => {
    const passOn = async () => {
      const pieces: Buffer[] = []
      for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece)
      const headers = request.headers['authorization']
        ? { authorization: request.headers['authorization'] }
        : {}
      const { method = 'GET' } = request
      const body = method === 'GET' ? {} : { body: Buffer.concat(pieces) }
      const type = method === 'GET' ? {} : { 'content-type': 'application/json' }
      const answer = await fetch((await current()) + (request.url ?? ''), {
        method,
        headers: { ...headers, ...type },
        ...body,
      })
      response.writeHead(answer.status).end(await answer.text())
    }
    passOn().catch((error: unknown) => response.writeHead(502).end(String(error)))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  context.after(async () => {
    server.close()
    server.closeAllConnections()
    await running?.service.kill('SIGKILL')
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const ofQstash = /QSTASH/
const ofRelay = /RELAY|relay/
const onFly = commandsOf('docs/deploy-fly.md')
/** The road to zero, with either timer. */
const blocksTo = {
  relay: onFly.filter((code) => !ofQstash.test(code)),
  qstash: onFly.filter((code) => !ofRelay.test(code)),
}

test('deploying to zero with QStash, command by command: the first job is armed there', async (context) => {
  const sandbox = await createSandbox(context)
  const [database, qstash] = [await createTestDatabase(), await startQstash()]
  context.after(async () => {
    await qstash.close()
    await database.drop()
  })
  const { env: ofFly } = parseToml(await readFile('fly.toml', 'utf8')) as { env: Env }
  const service = await startPlace(context, async () => ({
    ...{ ...ofFly, ...(await sandbox.told()).secrets },
    ...{ DATABASE_URL: database.url, HOST: '127.0.0.1', METRICS_PORT: '', IDLE_EXIT_MS: '0' },
  }))
  const { CRON_PROVIDER: _chosen, ...console } = qstash.environment()
  sandbox.set({ ...console, PLACES: JSON.stringify({ 'https://my-chronos.fly.dev': service }) })
  const [check = '', first = ''] = await follow(sandbox, blocksTo.qstash, (code) =>
    code.includes('fly scale count'),
  )
  assert.equal((await sandbox.told()).secrets['CRON_PROVIDER'], 'qstash')
  assert.match(await sandbox.run(check), /All is well/)
  const made = JSON.parse(await sandbox.run(first)) as { job: { armed: boolean; trigger: string } }
  assert.deepEqual([made.job.armed, made.job.trigger], [true, 'qstash'])
  assert.equal(qstash.pending().length, 1)
})

test('deploying to zero, command by command, and then a new encryption key that loses nothing', {
  timeout: 300_000,
}, async (context) => {
  const sandbox = await createSandbox(context)
  const database = await createTestDatabase()
  context.after(() => database.drop())
  const { env: ofFly } = parseToml(await readFile('fly.toml', 'utf8')) as { env: Env }
  const service = await startPlace(context, async () => {
    const { secrets } = await sandbox.told()
    return {
      ...ofFly,
      ...secrets,
      ...{
        DATABASE_URL: database.url,
        HOST: '127.0.0.1',
        METRICS_PORT: '',
        IDLE_EXIT_MS: '0',
      },
    }
  })
  const toRelay = await follow(sandbox, blocksTo.relay, (code) => code.includes('RELAY=https'))
  const { adminSecret = '' } = await sandbox.told()
  assert.ok(adminSecret.length >= 24)
  const relay = await startRelay(context, { adminSecret })
  const address = sandbox.variable('RELAY')
  const app = 'https://my-chronos.fly.dev'
  sandbox.set({ PLACES: JSON.stringify({ [address]: relay.url, [app]: service }) })

  const later = await follow(sandbox, toRelay, (code) => code.includes('fly scale count'))
  const { secrets, machines } = await sandbox.told()
  assert.equal(machines.length, 2)
  assert.match(
    await readFile(join(sandbox.folder, 'fly.toml'), 'utf8'),
    /^app = "my-chronos"$[^]*CALLBACK_URL = "https:\/\/my-chronos\.fly\.dev"/m,
  )
  const config = readConfig({ ...ofFly, ...secrets })
  assert.deepEqual(exposuresOf(config), [], 'nothing that a stranger could read on its way')
  assert.equal(secrets['NAS_AUDIENCE'], 'agent:my-chronos')

  const [check = '', first = '', ...rotation] = later
  assert.match(await sandbox.run(check), /All is well/)
  const made = JSON.parse(await sandbox.run(first)) as { job: { armed: boolean } }
  assert.equal(made.job.armed, true, 'the relay has confirmed it')

  const api = async (method: string, path: string, body?: object) => {
    const headers = {
      authorization: `Bearer ${sandbox.variable('API_KEY')}`,
      'content-type': 'application/json',
    }
    const answer = await fetch(service + path, {
      method,
      headers,
      ...(body && { body: JSON.stringify(body) }),
    })
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
  }
  await api('PUT', '/api/secrets/TOKEN', { value: 'a-value-that-has-to-stay' })
  const [turn = '', end = ''] = rotation
  const rotated = JSON.parse(
    (await sandbox.run(turn)).split('\n').find((line) => line.startsWith('{')) ?? '',
  ) as object
  assert.deepEqual({ ...rotated, key_id: '' }, { key_id: '', resealed: 1, unreadable: [], left: 0 })
  await sandbox.run(end)
  const { secrets: after } = await sandbox.told()
  assert.notEqual(after['ENCRYPTION_KEY'], secrets['ENCRYPTION_KEY'])
  assert.equal(after['ENCRYPTION_KEYS_OLD'], undefined)
  assert.equal((await api('GET', '/readyz')).status, 200)
  const again = await api('POST', '/api/secrets/rotate')
  assert.deepEqual(again.body['unreadable'], [], 'the new key alone opens it')
  const kept = await readFile(join(sandbox.folder, 'chronos.env'), 'utf8')
  assert.ok(kept.includes(`ENCRYPTION_KEY=${after['ENCRYPTION_KEY']}\n`), 'the file has the key that counts')

  await runInline(sandbox, 'docs/deploy-fly.md')
  for (const code of commandsOf('docs/deploy.md')) await sandbox.run(code)
  // what the build makes is another test's matter
  sandbox.set({ RELEASE: resolve('deploy') })
  await runInline(sandbox, 'docs/deploy.md')

  sandbox.set({ API_KEY: sandbox.variable('API_KEY') })
  for (const code of upgradeOf('fly')) await sandbox.run(code)
  assert.ok((await sandbox.told()).calls.some((call) => call.startsWith('fly deploy --image registry')))
  await runInline(sandbox, 'docs/upgrade.md')
})

type Compose = {
  services: Record<string, ComposeService>
  volumes: Record<string, unknown>
}
type ComposeService = {
  environment: Env
  command?: string[]
  ports?: string[]
  volumes?: string[]
  healthcheck?: { test: string[] }
  stop_grace_period?: string
  depends_on?: Record<string, { condition: string }>
  [key: string]: unknown
}

const knownKeys = new Set(
  'image build restart environment volumes healthcheck command depends_on stop_grace_period ports'.split(' '),
)

/** As Compose fills in `${NAME:?message}` and `${NAME:-default}`, in each text of the file once that is parsed. */
function filledIn(text: string, env: Env): string {
  return text.replaceAll(/\$\{(\w+):([?-])([^}]*)\}/g, (_all, name: string, kind: string, word: string) => {
    const value = env[name]
    if (value) return value
    assert.equal(kind, '-', `${name} ${word}`)
    return word
  })
}

test('deploying with Docker, command by command: what Compose would start works', async (context) => {
  const sandbox = await createSandbox(context)
  const database = await createTestDatabase()
  context.after(() => database.drop())
  const blocks = commandsOf('docs/deploy-always-on.md')
  const [up = '', check = ''] = blocks
  const printed = await sandbox.run(up)
  const dotEnv = await readFile(join(sandbox.folder, '.env'), 'utf8')
  assert.ok(printed.includes(dotEnv), 'the keys are printed, and kept')
  const env = Object.fromEntries(
    dotEnv
      .trim()
      .split('\n')
      .map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string]),
  )

  const fill = (_key: unknown, value: unknown) => (typeof value === 'string' ? filledIn(value, env) : value)
  const read = parseYaml(await readFile('compose.yaml', 'utf8'), { merge: true }) as object
  const compose = JSON.parse(JSON.stringify(read, fill)) as Compose
  const { postgres, migrate, chronos } = compose.services
  assert.ok(postgres && migrate && chronos)
  for (const [name, service] of Object.entries(compose.services)) {
    assert.deepEqual(
      Object.keys(service).filter((key) => !knownKeys.has(key)),
      [],
      name,
    )
    for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
      assert.ok(compose.services[other], other)
      assert.equal(condition, other === 'postgres' ? 'service_healthy' : 'service_completed_successfully')
    }
    for (const volume of service.volumes ?? []) assert.ok((volume.split(':')[0] ?? '') in compose.volumes)
  }
  const url = new URL(chronos.environment['DATABASE_URL'] ?? '')
  assert.deepEqual(
    [url.hostname, url.username, url.password, url.pathname],
    [
      'postgres',
      postgres.environment['POSTGRES_USER'],
      postgres.environment['POSTGRES_PASSWORD'],
      `/${postgres.environment['POSTGRES_DB']}`,
    ],
  )
  assert.ok(postgres.healthcheck?.test[1]?.includes(url.username))
  assert.deepEqual(exposuresOf(readConfig(chronos.environment)), [])
  assert.ok(
    chronos.ports?.every(
      (port) => port.startsWith('127.0.0.1:') && port.endsWith(`:${chronos.environment['PORT']}`),
    ),
  )
  assert.ok(
    parseInt(chronos.stop_grace_period ?? '') * 1000 >
      Number(chronos.environment['DRAIN_TIMEOUT_MS']) + 5_000,
  )
  assert.match(await readFile('Dockerfile', 'utf8'), /cp -r dist\/server\.js dist\/migrate\.js/)
  assert.deepEqual(migrate.command?.slice(-1), ['/app/migrate.js'])

  const service = await startPlace(context, async () => ({
    ...chronos.environment,
    ...{ DATABASE_URL: database.url, HOST: '127.0.0.1' },
  }))
  sandbox.set({ PLACES: JSON.stringify({ 'http://127.0.0.1:8080': service }) })
  const said = await sandbox.run(check)
  assert.match(said, /"ready":true[^]*All is well/)
  for (const code of upgradeOf('docker')) await sandbox.run(code)
})

test('deploying with systemd, command by command: what the unit starts works, and goes back to the version before', async (context) => {
  const sandbox = await createSandbox(context)
  const database = await createTestDatabase()
  const release = await buildRelease()
  context.after(async () => {
    await database.drop()
    await release.remove()
  })
  sandbox.set({ RELEASE: join(release.server.program, '..') })
  const blocks = commandsOf('docs/deploy-always-on.md').slice(2)
  const rest = await follow(sandbox, blocks, (code) => code.includes('enable --now'))

  const unit = await readFile(join(sandbox.root, 'etc/systemd/system/chronos.service'), 'utf8')
  const valuesOf = (key: string) =>
    [...unit.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value = '']) => value)
  const inRoot = (command: string) =>
    command.split(' ').map((word) => (word.startsWith('/') ? sandbox.root + word : word))
  const pairs = (text: string) =>
    Object.fromEntries(
      text
        .trim()
        .split(/[\n ]/)
        .map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string]),
    )
  const file = await readFile(inRoot(valuesOf('EnvironmentFile')[0] ?? '')[0] ?? '', 'utf8')
  const port = String(await freePort())
  const given = { ...pairs(valuesOf('Environment')[0] ?? ''), ...pairs(file) }
  assert.equal(given['NODE_ENV'], 'production')
  assert.deepEqual(exposuresOf(readConfig(given)), [])
  const env = { ...given, DATABASE_URL: database.url, PORT: port }
  const [program = '', ...words] = inRoot(valuesOf('ExecStart')[0] ?? '')
  const [before = '', ...beforeWords] = inRoot(valuesOf('ExecStartPre')[0] ?? '')
  const migration = spawn(before, beforeWords, { env, stdio: 'ignore' })
  assert.deepEqual(await once(migration, 'close'), [0, null])
  const service = spawn(program, words, { env, stdio: 'ignore' })
  context.after(() => void service.kill('SIGKILL'))
  const url = `http://127.0.0.1:${port}`
  await until('it is ready', async () => (await fetch(`${url}/readyz`).catch(() => null))?.ok || null)

  sandbox.set({ PLACES: JSON.stringify({ 'http://127.0.0.1:8080': url }) })
  for (const code of rest) await sandbox.run(code)
  await runInline(sandbox, 'docs/deploy-always-on.md')
  const ended = once(service, 'close')
  service.kill('SIGTERM')
  assert.deepEqual(await ended, [0, null], 'systemd stops it in order')

  for (const code of upgradeOf('systemd')) await sandbox.run(code)
  const installed = await readFile(join(sandbox.root, 'opt/chronos/server.js'))
  assert.deepEqual(installed, await readFile(join(sandbox.root, 'opt/chronos/server.js.before')))
})
