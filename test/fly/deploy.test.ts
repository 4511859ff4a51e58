import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setup, useRelease } from './setup.ts'
import { until } from '../support/until.ts'

const release = useRelease()

const canary = async (url: string) => (await fetch(`${url}/healthz`)).status

test('a deploy in mid-run leaves the run to end by itself, and the machine comes back with the new image', async (context) => {
  const { fly, target, makeJob, runNow, ended, down } = await setup(context, {
    settings: { killTimeoutMs: 15_000 },
    env: { DRAIN_FINISH_MS: '10000', DRAIN_TIMEOUT_MS: '12000' },
  })
  const { id } = await makeJob()
  target.behave('/hook', { does: 'slow', value: 4_000 })
  const runId = await runNow(id)
  await target.waitFor(1)
  assert.equal(await fly.deploy({ ...release().server, name: 'next' }, release().migrate), true)
  assert.equal((await ended(id, runId)).state, 'succeeded')
  assert.equal(await canary(fly.url), 200)
  await down(2)
  assert.ok(fly.events.some(({ what, detail }) => what === 'start' && detail === 'deploy of next'))
})

test('a release command that fails stops the deploy, and the machines keep their image', async (context) => {
  const { fly, down } = await setup(context)
  const broken = { ...release().migrate, env: { ...release().migrate.env, DATABASE_URL: 'none' } }
  assert.equal(await fly.deploy({ name: 'broken', program: '/nowhere.js' }, broken), false)
  assert.equal(await canary(fly.url), 200)
  await down()
})

test('an image that cannot boot is deployed to a stopped machine without a word; the canary finds it', async (context) => {
  // short: a quick machine would else use up its restarts while the proxy still dials
  const { fly } = await setup(context, { settings: { connectMs: 250, restartDelayMs: 50 } })
  const folder = await mkdtemp(join(tmpdir(), 'chronos-broken-'))
  context.after(() => rm(folder, { recursive: true }))
  const program = join(folder, 'broken.js')
  await writeFile(program, 'throw new Error("this image cannot boot")')
  assert.equal(await fly.deploy({ name: 'broken', program }), true)
  assert.equal(await canary(fly.url), 502)
  await fly.until(() => fly.events.some(({ what }) => what === 'restart'))
  await fly.deploy(release().server)
  await until('the canary lives', async () => ((await canary(fly.url)) === 200 ? true : null))
})

test('while the host of one machine is dead the other takes the fires, and finds the lapsed run', async (context) => {
  const { fly, target, makeJob, retryOnce, runNow, ended } = await setup(context, {
    machines: 2,
    env: { RUN_LEASE_MS: '1500' },
  })
  const { id } = await makeJob()
  await retryOnce(id)
  target.behave('/hook', { does: 'hang', times: 1 })
  await runNow(id)
  await target.waitFor(1)
  fly.machines[0]?.lose()
  const { state, attempt } = await ended(id)
  assert.deepEqual({ state, attempt }, { state: 'succeeded', attempt: 2 })
  assert.ok(fly.events.some(({ machine, what }) => machine === 'm2' && what === 'start'))
  fly.machines[0]?.comeBack()
})
