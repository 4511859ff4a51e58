import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { startTarget, type Target } from '../../dev/target/index.ts'
import { sharedBuild } from '../support/build.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { freePort } from '../../dev/free-port.ts'
import { until } from '../support/until.ts'

/**
 * The two shipped files alone in an empty folder, with the environment of the contract and nothing else, against the
 * local NAS as a program of its own: what a deployed Chronos is.
 */
const key = 'shipped-key-0123456789'
const children: ChildProcess[] = []
let database: TestDatabase
let target: Target
let folder: string
let url: string
let nasUrl: string
let serverEnv: Record<string, string>
let server: ChildProcess

before(async () => {
  database = await createTestDatabase({ migrations: [] })
  target = await startTarget()
  folder = await mkdtemp(join(tmpdir(), 'chronos-shipped-'))
  const build = await sharedBuild()
  for (const file of ['server.js', 'migrate.js']) await copyFile(join(build.folder, file), join(folder, file))
  await build.remove()
  const [servicePort, nasPort] = await Promise.all([freePort(), freePort()])
  url = `http://127.0.0.1:${servicePort}`
  nasUrl = `http://127.0.0.1:${nasPort}`
  const nas = run(['dev/nas/main.ts', '--port', String(nasPort), '--access-token', 'static-token'], {})
  await line(nas, /local NAS at/)
  const migrate = run(['migrate.js'], { DATABASE_URL: database.url }, folder)
  assert.deepEqual(await once(migrate, 'exit'), [0, null])
  serverEnv = {
    ...{ NODE_ENV: 'production', DATABASE_URL: database.url, API_KEY: key },
    ...{ HOST: '127.0.0.1', PORT: String(servicePort), CALLBACK_URL: url, CRON_PROVIDER: 'chronos' },
    ...{ NAS_PORTAL_URL: nasUrl, NAS_AUDIENCE: 'agent:local', NAS_ACCESS_TOKEN: 'static-token' },
    TARGET_ALLOW: '127.0.0.0/8',
  }
  server = run(['server.js'], serverEnv, folder)
  await line(server, /listening/i)
})

after(async () => {
  for (const child of children) child.kill('SIGKILL')
  await target.close()
  await database.drop()
  await rm(folder, { recursive: true })
})

test('the shipped files make, fire, arm again, pause, resume and delete a job', async () => {
  const made = await api('POST', '/api/jobs', {
    ...{ name: 'shipped', schedule: 'every 2s' },
    action: { type: 'http', url: `${target.url}/hook` },
  })
  assert.equal(made.status, 201)
  const { id } = made.body.job
  assert.deepEqual(await armed(), [id])

  await target.waitFor(2, 30_000)
  assert.deepEqual(await armed(), [id], 'armed again after each fire')

  assert.equal((await api('POST', `/api/jobs/${id}/pause`, { reason: 'lunch' })).status, 200)
  assert.deepEqual(await armed(), [], 'cancelled at NAS')

  assert.equal((await api('POST', `/api/jobs/${id}/resume`)).status, 200)
  assert.deepEqual(await armed(), [id])
  const seen = target.calls.length
  await target.waitFor((calls) => calls.length > seen, 30_000)

  assert.equal((await api('DELETE', `/api/jobs/${id}`)).status, 200)
  assert.deepEqual(await armed(), [])
  assert.equal((await api('GET', `/api/jobs/${id}`)).status, 404)
})

test('the page lies in the folder beside the program, and is there as soon as it is', async () => {
  const missing = await fetch(`${url}/runs/5b1c2f9e-0a6d-4c1e-9d3a-1f2e3d4c5b6a`)
  assert.deepEqual(
    [missing.status, ((await missing.json()) as { code: string }).code],
    [404, 'PAGE_NOT_BUILT'],
  )
  await mkdir(join(folder, 'web'))
  await writeFile(join(folder, 'web', 'index.html'), '<title>Chronos</title>')
  const answer = await fetch(url)
  assert.deepEqual([answer.status, await answer.text()], [200, '<title>Chronos</title>'])
})

test('the last part of the file, which the image loads when it is asked for, is asked for by no boot and no fire', async () => {
  const made = await api('POST', '/api/jobs', {
    ...{ name: 'without the rest', schedule: 'every 2s' },
    action: { type: 'http', url: `${target.url}/hook` },
  })
  assert.equal(made.status, 201)
  server.kill('SIGKILL')
  await once(server, 'exit')
  const program = await readFile(join(folder, 'server.js'), 'latin1')
  assert.ok(Number(/\n\/\/(\d+)$/.exec(program)?.[1]) > 1_000_000)
  // as if another program had been written over it
  await writeFile(join(folder, 'server.js'), program.replace(/.(?=.{20}$)/s, '!'))
  await copyFile('dev/image/boot.cjs', join(folder, 'boot.js'))
  for (const file of ['boot.js', 'server.js']) {
    const seen = target.calls.length
    server = run([file], serverEnv, folder)
    const said: string[] = []
    server.stdout?.on('data', (text: Buffer) => said.push(text.toString()))
    const isAskedFor = () => said.join('').includes('is another one than this process was started from')
    await target.waitFor((calls) => calls.length > seen + 1, 30_000)
    const live = () => database.sql`select from runs where state in ('claimed', 'running')`
    await until('the runs have ended', async () => (await live()).length === 0)
    assert.equal(isAskedFor(), false)
    assert.equal((await api('GET', '/api/jobs')).status, 500)
    await until('it is logged', isAskedFor)
    server.kill('SIGKILL')
    await once(server, 'exit')
  }
})

function run(args: string[], env: Record<string, string>, cwd = process.cwd()): ChildProcess {
  const { PATH = '' } = process.env
  const child = spawn(process.execPath, args, {
    cwd,
    env: { PATH, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  return child
}

async function line(child: ChildProcess, wanted: RegExp): Promise<void> {
  assert.ok(child.stdout)
  for await (const text of createInterface({ input: child.stdout })) {
    if (!wanted.test(text)) continue
    child.stdout.resume()
    return
  }
  assert.fail(`it ended without a line like ${wanted}`)
}

async function api(method: string, path: string, body?: unknown) {
  const headers: Record<string, string> = { authorization: `Bearer ${key}` }
  if (body !== undefined) headers['content-type'] = 'application/json'
  const sent = body === undefined ? {} : { body: JSON.stringify(body) }
  const response = await fetch(url + path, { method, headers, ...sent })
  const text = await response.text()
  return { status: response.status, body: text === '' ? null : JSON.parse(text) }
}

async function armed(): Promise<string[]> {
  const headers = { authorization: 'Bearer static-token', accept: 'application/json', 'user-agent': 'test/1' }
  const response = await fetch(`${nasUrl}/api/agent-cron/list`, { headers })
  const body = (await response.json()) as { armed: { job_id: string }[] }
  return body.armed.map((arm) => arm.job_id)
}
