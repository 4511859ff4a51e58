import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { type Fly, startFly } from '../../dev/fly/index.ts'
import type { Release } from '../../dev/fly/world.ts'
import { callRelay } from '../../dev/relay/client.ts'
import { adminSecret, startRelayProcess } from '../../dev/relay/process.ts'
import { startTarget } from '../../dev/target/index.ts'
import { sharedBuild } from '../support/build.ts'
import { createTestDatabase } from '../support/database.ts'
import { relayFile } from './setup.ts'
import { freePort } from '../../dev/free-port.ts'
import { until } from '../support/until.ts'

let release: Release
before(async () => {
  release = (await sharedBuild()).release
})
after(() => release.remove())

const hosts = { Node: 'relay/node/main.ts', workerd: 'dev/relay/worker.ts' }

for (const [host, program] of Object.entries(hosts))
  test(`a service that is off is woken by the relay on ${host}, runs its job, arms again and goes off; the relay may die in between`, async (t) => {
    const database = await createTestDatabase()
    const target = await startTarget()
    const env = { PORT: String(await freePort()), RELAY_DATABASE: await relayFile(t) }
    let relay = await startRelayProcess(env, program)
    const [flyPort, apiKey] = [await freePort(), randomBytes(24).toString('base64url')]
    const callbackUrl = `http://127.0.0.1:${flyPort}`
    const made = await callRelay(`${relay.url}/agents`, {
      token: adminSecret,
      json: { agent_id: 'orders', callback_urls: [callbackUrl] },
    })
    const fly: Fly = await startFly({
      image: release.server,
      port: flyPort,
      env: () => ({
        NODE_ENV: 'production',
        HOST: '127.0.0.1',
        DATABASE_URL: database.url,
        API_KEY: apiKey,
        TARGET_ALLOW: '127.0.0.1/32',
        IDLE_EXIT_MS: '300',
        BOOT_GRACE_MS: '300',
        // As the relay told whoever made the agent; nothing else is needed.
        ...(made.body['environment'] as Record<string, string>),
      }),
    })
    t.after(async () => {
      await fly.close()
      await relay.kill()
      await target.close()
      await database.drop()
    })
    const token = String(made.body['token'])
    const rows = async () =>
      (await callRelay(`${relay.url}/api/agent-cron/list`, { method: 'GET', token })).body['armed'] as {
        fire_at: string
      }[]
    const ended = (count: number) =>
      until(`${count} runs have succeeded`, async () => {
        const [row] = await database.sql`select count(*)::int as runs from runs where state = 'succeeded'`
        return Number(row?.['runs']) >= count
      })
    const off = () =>
      until('every machine is off', () => fly.machines.every((machine) => machine.state() === 'stopped'))

    const created = await fetch(`${fly.url}/api/jobs`, {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        name: 'a job',
        schedule: 'every 10s',
        action: { type: 'http', url: `${target.url}/hook` },
      }),
    })
    assert.equal(created.status, 201, await created.text())
    assert.equal((await rows()).length, 1)
    await off()
    await ended(1)
    await off()
    const [before_] = await rows()
    await relay.kill()
    relay = await startRelayProcess(env, program)
    await ended(2)
    await until('the next wake-up is armed', async () =>
      (await rows()).some((row) => Date.parse(row.fire_at) > Date.parse(before_?.fire_at ?? '')),
    )
    await off()
  })
