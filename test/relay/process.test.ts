import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { agentOf, callRelay, instantIn } from '../../dev/relay/client.ts'
import { adminSecret, startRelayProcess } from '../../dev/relay/process.ts'
import { hook, relayFile, taken } from './setup.ts'
import { freePort } from '../../dev/free-port.ts'

const program = 'relay/node/main.ts'

test('killed at random moments it loses no wake-up and arms none double', async () => {
  const args = ['dev/relay/main.ts', '--kills', '10', '--host', 'node']
  const { stdout } = await promisify(execFile)(process.execPath, args)
  const [, delivered] = /kills 10, .*delivered (\d+)/.exec(stdout) ?? []
  assert.ok(Number(delivered) > 20, stdout)
  assert.match(stdout, /None lost, none armed double\./)
})

test('told to stop, it waits for the fire that is on its way, and exits 0', async (t) => {
  const arrived = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  const target = await hook(t, async () => {
    arrived.resolve()
    await gate.promise
    return taken
  })
  const env = { PORT: String(await freePort()), RELAY_DATABASE: await relayFile(t) }
  const relay = await startRelayProcess(env, program)
  t.after(relay.kill)
  const made = await callRelay(`${relay.url}/agents`, {
    token: adminSecret,
    json: { callback_urls: [target.url] },
  })
  const agent = agentOf({ url: relay.url, token: String(made.body['token']), callbackUrl: target.url })
  await agent.provision('job', instantIn(0))
  await arrived.promise
  relay.signal('SIGTERM')
  gate.resolve()
  assert.deepEqual(await relay.ended, { code: 0, signal: null })
  assert.match(relay.log(), /info fired .*status=202/)
})

test('a second relay on the same file does not start', async (t) => {
  const env = { PORT: String(await freePort()), RELAY_DATABASE: await relayFile(t) }
  const first = await startRelayProcess(env, program)
  t.after(first.kill)
  const second = await startRelayProcess({ ...env, PORT: String(await freePort()) }, program)
  assert.equal((await second.ended).code, 1)
  assert.match(second.log(), /is in use by another relay/)
})

test('everything that is wrong with the environment is said at once', async (t) => {
  const env = {
    RELAY_DATABASE: await relayFile(t),
    PORT: 'x',
    RELAY_URL: 'relay.example',
    RELAY_ALLOW: '10.0.0.0/99',
    RELAY_ADMIN_SECRET: 'short',
    LOG_LEVEL: 'loud',
    RELAY_ROWS: '0',
  }
  const relay = await startRelayProcess(env, program)
  assert.equal((await relay.ended).code, 78)
  for (const name of ['PORT', 'RELAY_URL', 'RELAY_ALLOW', 'RELAY_ADMIN_SECRET', 'LOG_LEVEL', 'RELAY_ROWS'])
    assert.match(relay.log(), new RegExp(`^${name}`, 'm'))
})

test('without an admin secret one is made, shown once and kept', async (t) => {
  const env = { PORT: String(await freePort()), RELAY_DATABASE: await relayFile(t), RELAY_ADMIN_SECRET: '' }
  const first = await startRelayProcess(env, program)
  const secret = await shownIn(first)
  await first.kill()
  const second = await startRelayProcess(env, program)
  t.after(second.kill)
  const { status } = await callRelay(`${second.url}/agents`, { method: 'GET', token: secret })
  assert.equal(status, 200)
  assert.doesNotMatch(second.log(), /admin secret/)
})

test('as its image runs it, it stays within 60 MB, after many calls and fires too', async (t) => {
  const bundle = join(dirname(await relayFile(t)), 'relay.js')
  await promisify(execFile)(process.execPath, ['dev/build/relay.ts', bundle])
  const [, command = '[]'] = /^CMD (.*)$/m.exec(await readFile('relay/node/Dockerfile', 'utf8')) ?? []
  const flags = (JSON.parse(command) as string[]).slice(1, -1)
  const target = await hook(t)
  const env = { PORT: String(await freePort()), RELAY_DATABASE: await relayFile(t) }
  const relay = await startRelayProcess(env, ...flags, bundle)
  t.after(relay.kill)
  const made = await callRelay(`${relay.url}/agents`, {
    token: adminSecret,
    json: { callback_urls: [target.url] },
  })
  const agent = agentOf({ url: relay.url, token: String(made.body['token']), callbackUrl: target.url })
  for (let index = 0; index < 400; index += 1)
    await agent.provision(`job-${index}`, instantIn(index % 2 ? 0 : 3_600_000))
  assert.ok(await target.until(() => target.fires.length === 200, 30_000))
  const [, kilobytes] = /VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${relay.pid}/status`, 'utf8')) ?? []
  assert.ok(Number(kilobytes) <= 60 * 1_024, `${kilobytes} kB`)
})

async function shownIn(relay: Awaited<ReturnType<typeof startRelayProcess>>): Promise<string> {
  for (;;) {
    const [, secret] = /admin secret of this relay, shown this once: (\S+)/.exec(relay.log()) ?? []
    if (secret) return secret
    await new Promise(setImmediate)
  }
}
