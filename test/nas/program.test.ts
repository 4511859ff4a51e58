import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { modes } from '../../dev/nas/modes.ts'
import { misbehaviours, startNas } from '../../dev/nas/index.ts'
import { at, createClient, instants, setup, startTarget } from './setup.ts'
import { assertTook } from '../support/limits.ts'

const program = new URL('../../dev/nas/main.ts', import.meta.url).pathname

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'nas-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

/** The program with everything it printed so far; it is ended with the test. */
function run(t: TestContext, ...args: string[]) {
  const child: ChildProcess = spawn(process.execPath, [program, '--alg', 'ES256', ...args])
  t.after(() => child.kill('SIGKILL'))
  let printed = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (text: Buffer) => (printed += text.toString()))
  return {
    child,
    printed: () => printed,
    async says(pattern: RegExp): Promise<string> {
      for (;;) {
        const found = pattern.exec(printed)
        if (found) return found[1] ?? found[0]
        assert.equal(child.exitCode, null, printed)
        await once(child.stdout ?? child, 'data')
      }
    },
    async ends(): Promise<unknown> {
      return child.exitCode ?? (await once(child, 'close'))[0]
    },
  }
}

const json = { 'content-type': 'application/json' }
const post = (url: string, body: unknown) =>
  fetch(url, { method: 'POST', headers: json, body: JSON.stringify(body) })

test('the program tells how to reach it, tells the story of a fire, and exits 0 at SIGTERM', async (t) => {
  const target = await startTarget(t)
  const nas = run(t, '--port', '0')
  const url = await nas.says(/local NAS at (http:\S+)/)
  const token = await nas.says(/NAS_ACCESS_TOKEN=(\S+)/)
  const fireAt = new Date(Date.now() + 50).toISOString()
  const body = {
    job_id: 'job1',
    fire_at: fireAt,
    agent_callback_url: target.url,
    dedup_key: `job1:${fireAt}`,
  }
  await fetch(`${url}/api/agent-cron/provision`, {
    method: 'POST',
    headers: {
      ...json,
      'user-agent': 'nas-test/1',
      accept: 'application/json',
      authorization: `Bearer ${token}`,
    },
    body: JSON.stringify(body),
  })
  await target.arrived(1)
  await nas.says(/← provision job1 for \S+ \(.*\) 200/)
  await nas.says(/→ fire job1 at \S+ \(try 1\)/)
  await nas.says(/← job1 answered 202 accepted in \d+ ms/)
  const beganMs = performance.now()
  nas.child.kill('SIGTERM')
  assert.equal(await nas.ends(), 0)
  assertTook(performance.now() - beganMs, 2_000)
})

test('a port that is taken is one sentence and exit 1; a wrong option is exit 2', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  const taken = run(t, '--port', String(address.port))
  const wrong = run(t, '--misbehave', 'sleepy')
  assert.deepEqual([await taken.ends(), await wrong.ends()], [1, 2])
  assert.equal(
    taken.printed(),
    `Port ${address.port} is taken by another program; pass another with --port or --control-port.\n`,
  )
  assert.match(wrong.printed(), /^"sleepy" is no misbehaviour; known: down, /)
})

test('--help lists every option and every misbehaviour, and so does the documentation', async (t) => {
  const help = run(t, '--help')
  assert.equal(await help.ends(), 0)
  const doc = readFileSync(new URL('../../docs/local-nas.md', import.meta.url), 'utf8')
  for (const name of Object.keys(misbehaviours)) {
    assert.match(help.printed(), new RegExp(`^  ${name}\\b`, 'm'))
    assert.match(doc, new RegExp(`^\\| \`${name}[\`=\\[]`, 'm'))
  }
  for (const [name, { readings }] of Object.entries(modes))
    for (const reading of Object.keys(readings))
      assert.match(doc, new RegExp(`^\\| \`--${name}\` \\|.*\`${reading}\``, 'm'))
  for (const [flag] of help.printed().matchAll(/--[a-z-]+/g)) assert.ok(doc.includes(`\`${flag}`), flag)
})

test('a killed program goes on with its keys, login and arms: what was owed is fired', async (t) => {
  const state = join(folder(t), 'nas.json')
  const target = await startTarget(t)
  const before = await startNas({ state, time: at(0) })
  await createClient(before).provision('job1', at(60_000), target.url)
  await createClient(before).provision('job2', at(60_000), target.url.replace(/:\d+/, ':9'))
  await before.setTime(at(60_000))
  await createClient(before).provision('job3', at(120_000), target.url)
  const { body } = await createClient(before).refresh(before.refreshToken())
  const signed = await before.signFireToken()
  await before.close()
  assert.equal(statSync(state).mode & 0o777, 0o600)

  const after = await startNas({ state, time: at(60_000) })
  t.after(() => after.close())
  assert.equal(after.accessToken, before.accessToken)
  assert.equal(after.refreshToken(), body['refresh_token'])
  assert.deepEqual(instants(after.armed()), [at(60_000), at(120_000)])
  assert.equal(after.held()[0]?.tries, 1)
  const kid = (token: string) =>
    JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as unknown
  assert.deepEqual(kid(await after.signFireToken()), kid(signed))
  await after.setTime(at(120_000))
  assert.deepEqual(target.jobs(), ['job1', 'job3'])
})

test('a fire that was on its way when the program died is fired again after the first gap', async (t) => {
  const state = join(folder(t), 'nas.json')
  const { nas, target, provision } = await setup(
    t,
    { state },
    (fire, index) => void (index > 0 && fire.answer(202)),
  )
  await provision('job1', at(60_000))
  nas.jump(at(60_000))
  await target.arrived(1)
  await nas.close()
  const after = await startNas({ state, time: at(60_000) })
  t.after(() => after.close())
  await after.advance(1_999)
  assert.equal(target.fires.length, 1)
  await after.advance(1)
  assert.equal(target.fires.length, 2)
  assert.deepEqual(after.held(), [])
})

test('the control paths read the log and the arms, misbehave, fire and move the time', async (t) => {
  const { nas, target, provision } = await setup(t)
  const get = async (path: string) =>
    (await fetch(`${nas.url}/control${path}`)).json() as Promise<Record<string, unknown[]>>
  await provision('job1', at(60_000))
  assert.equal((await get('/log?kind=request'))['log']?.length, 1)
  assert.equal((await get('/log?job_id=job2'))['log']?.length, 0)
  assert.equal((await get('/armed'))['armed']?.length, 1)
  await post(`${nas.url}/control/time`, { advance_ms: 60_000 })
  assert.equal(target.fires.length, 1)
  await provision('job1', at(120_000))
  assert.equal((await post(`${nas.url}/control/fire`, { job_id: 'job1' })).status, 200)
  assert.equal((await post(`${nas.url}/control/fire`, { job_id: 'job1' })).status, 404)
  assert.equal(target.fires.length, 2)
  await provision('job1', at(180_000))
  assert.equal((await post(`${nas.url}/control/lose`, { job_id: 'job1' })).status, 200)
  assert.deepEqual((await get('/armed'))['armed'], [])
  await post(`${nas.url}/control/misbehave`, { name: 'answer', value: 500, times: 1, call: 'list' })
  assert.deepEqual((await get('/misbehave'))['misbehaving'], [
    { name: 'answer', times: 1, call: 'list', value: '500', amount: 0, word: '500' },
  ])
  assert.equal((await provision('job2', at(120_000))).status, 200)
  await fetch(`${nas.url}/control/misbehave`, { method: 'DELETE' })
  assert.deepEqual(nas.misbehaving(), [])
})

test('the control paths rotate keys, log in, revoke and sign', async (t) => {
  const { nas, client } = await setup(t)
  const call = async (path: string, body: unknown = {}) =>
    (await (await post(`${nas.url}/control${path}`, body)).json()) as Record<string, string>
  const before = await nas.signFireToken()
  await call('/rotate-keys', { keep_old: false })
  const { token = '' } = await call('/fire-token', { claims: { aud: 'x' } })
  assert.notEqual(token.split('.')[0], before.split('.')[0])
  await call('/revoke-login')
  assert.equal((await client.refresh(nas.refreshToken())).status, 400)
  const { refresh_token: fresh = '' } = await call('/log-in')
  assert.equal((await client.refresh(fresh)).status, 200)
})

test('the control paths refuse web pages, unknown names, and shutting themselves out', async (t) => {
  const { nas } = await setup(t)
  const page = await fetch(`${nas.url}/control/log`, { headers: { origin: 'https://elsewhere.example' } })
  assert.equal(page.status, 403)
  assert.equal((await post(`${nas.url}/control/misbehave`, { name: 'sleepy' })).status, 400)
  assert.equal((await post(`${nas.url}/control/misbehave`, { name: 'keep', times: 0 })).status, 400)
  assert.equal((await post(`${nas.url}/control/misbehave`, { name: 'slow', value: 'long' })).status, 400)
  assert.equal((await post(`${nas.url}/control/misbehave`, { name: 'slow', call: 'lunch' })).status, 400)
  assert.equal((await post(`${nas.url}/control/misbehave`, { name: 'down' })).status, 409)
  assert.deepEqual(nas.misbehaving(), [])
})

test('a control port stays up while the portal refuses connections', async (t) => {
  const { nas, client } = await setup(t, { controlPort: 0 })
  assert.equal((await post(`${nas.controlUrl}/control/misbehave`, { name: 'down' })).status, 200)
  await assert.rejects(client.list())
  await fetch(`${nas.controlUrl}/control/misbehave?name=down`, { method: 'DELETE' })
  assert.deepEqual(await client.list(), [])
})
