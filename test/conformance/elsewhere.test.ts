import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { type Build, sharedBuild } from '../support/build.ts'
import { createTestDatabase } from '../support/database.ts'
import { freePort } from '../../dev/free-port.ts'
import { until } from '../support/until.ts'
import { compileCache } from '../../dev/compile-cache.ts'

// As docs/contract.md has it for a service and a portal that run elsewhere: each is a process of its own, with nothing
// of the kit in it, and the kit knows them by its options alone.

const started: ChildProcess[] = []
let dist: Build
before(async () => {
  dist = await sharedBuild()
})
after(async () => {
  for (const child of started) {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
  await dist.remove()
})

function conformance(...args: string[]): Promise<{ code: number; text: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['dev/conformance/main.ts', ...args], (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, text: stdout + stderr })
    })
  })
}

async function start(args: string[], { url, env = {} }: { url: string; env?: Record<string, string> }) {
  const child = spawn(process.execPath, args, {
    env: { PATH: '/usr/bin:/bin', ...compileCache, ...env },
    stdio: 'ignore',
  })
  started.push(child)
  const isUp = () =>
    fetch(url).then(
      ({ status }) => status === 200,
      () => false,
    ) // prettier-ignore
  await until(`${url} answers`, isUp)
}

const key = 'elsewhere-key-0123456789'

async function startServiceElsewhere(nas: { url: string; token: string; audience: string }) {
  const database = await createTestDatabase()
  after(() => database.drop())
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const env = {
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
    PORT: String(port),
    DATABASE_URL: database.url,
    API_KEY: key,
    ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    CRON_PROVIDER: 'chronos',
    CALLBACK_URL: url,
    NAS_PORTAL_URL: nas.url,
    NAS_ACCESS_TOKEN: nas.token,
    NAS_AUDIENCE: nas.audience,
    TARGET_ALLOW: '127.0.0.0/8',
  }
  await start([`${dist.folder}/server.js`], { url: `${url}/readyz`, env })
  const jobs = async () => {
    const headers = { Authorization: `Bearer ${key}` }
    const answer = await fetch(`${url}/api/jobs?include_disabled=true`, { headers })
    return ((await answer.json()) as { jobs: unknown[] }).jobs
  }
  return { url, jobs, args: ['--url', url, '--key', key] }
}

test('a service beside a NAS, both elsewhere: the kit tries each, and leaves no job and no arm', async () => {
  const port = await freePort()
  const nas = { url: `http://127.0.0.1:${port}`, token: 'an-access-token', audience: 'agent:elsewhere' }
  const options = ['--port', String(port), '--access-token', nas.token, '--instance', 'elsewhere']
  await start(['dev/nas/main.ts', ...options], { url: `${nas.url}/control` })
  const service = await startServiceElsewhere(nas)
  const agentPort = await freePort()
  const { code, text } = await conformance(
    ...service.args,
    ...['--nas', nas.url, '--nas-token', nas.token, '--nas-audience', nas.audience],
    ...['--agent', `http://127.0.0.1:${agentPort}`, '--agent-port', String(agentPort)],
    ...[
      '--only',
      'provision',
      '--only',
      'fire-claims',
      '--only',
      'job-shape',
      '--only',
      'run-',
      '--only',
      'cancel',
    ],
  )
  assert.equal(code, 0, text)
  for (const line of [
    /^provision-past +\d+ +\d+$/m,
    /^fire-claims +5 +5$/m,
    /^run-input +3 +3$/m,
    /^job-shape +\d+ +\d+$/m,
  ])
    assert.match(text, line)
  assert.match(
    text,
    /not tried on the service: it needs the place of its portal \(--portal\): .*provision-request/,
  )
  assert.deepEqual(await service.jobs(), [])
  const held = await fetch(`${nas.url}/control/armed`)
  assert.deepEqual(await held.json(), { armed: [] })
})

test("a service elsewhere, and the kit in its portal's place: twice, because a service remembers a portal's keys", async () => {
  const [portalPort, targetPort] = [await freePort(), await freePort()]
  const portal = { url: `http://127.0.0.1:${portalPort}`, token: 'an-access-token', audience: 'agent:other' }
  const service = await startServiceElsewhere(portal)
  for (const round of [1, 2]) {
    const { code, text } = await conformance(
      ...service.args,
      ...['--portal', `${portal.url}/`, '--listen', `127.0.0.1:${portalPort}`],
      ...['--portal-token', portal.token, '--audience', portal.audience],
      ...['--target', `http://127.0.0.1:${targetPort}/`, '--target-port', String(targetPort)],
      ...(round === 1 ? ['--only', 'accepted', '--only', 'list-', '--only', 'arm'] : ['--only', 'alg-']),
    )
    assert.equal(code, 0, text)
    assert.match(text, round === 1 ? /^list-missing +\d+ +\d+$/m : /^alg-eddsa +\d+ +\d+$/m)
    assert.deepEqual(await service.jobs(), [])
  }
})
