import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { agentOf, callRelay, instantIn } from '../../dev/relay/client.ts'
import { killAtRandom } from '../../dev/relay/kill.ts'
import { adminSecret, startRelayProcess } from '../../dev/relay/process.ts'
import { hook, relayFile, taken } from './setup.ts'
import { freePort } from '../../dev/free-port.ts'

const program = 'dev/relay/worker.ts'

/** The relay on workerd, in a process of its own that can be killed and started again on the same storage. */
async function worker(t: TestContext, more: Record<string, string> = {}) {
  let relay: Awaited<ReturnType<typeof startRelayProcess>> | null = null
  // Before its folder is asked for: what was asked for first is cleared away first.
  t.after(() => relay?.kill())
  const env = { PORT: String(await freePort()), RELAY_DATABASE: await relayFile(t), ...more }
  const start = async () => (relay = await startRelayProcess(env, program))
  const { url } = await start()
  const own = (method: string, path: string, json?: unknown) =>
    callRelay(`${url}${path}`, { method, token: adminSecret, ...(json !== undefined && { json }) })
  return {
    own,
    log: () => relay?.log() ?? '',
    kill: async () => relay?.kill(),
    start,
    async agent(callbackUrl: string, id: string) {
      const made = await own('POST', '/agents', { callback_urls: [callbackUrl], agent_id: id })
      assert.equal(made.status, 201, JSON.stringify(made.body))
      return agentOf({ url, token: String(made.body['token']), callbackUrl })
    },
  }
}

test('workerd: killed in the middle of an alarm it fires again, and nothing that is armed is lost', async (t) => {
  const arrived = Promise.withResolvers<void>()
  let isBack = false
  const target = await hook(t, ({ jobId }) => {
    if (jobId !== 'hanging' || isBack) return taken
    arrived.resolve()
    return new Promise(() => {})
  })
  const relay = await worker(t)
  const { provision, list } = await relay.agent(target.url, 'orders')
  await provision('far', '2027-06-18T12:00:00Z')
  await provision('hanging', instantIn(0))
  await provision('missed', instantIn(1_500))
  await arrived.promise
  await relay.kill()
  isBack = true
  await relay.start()
  assert.ok(await target.until(() => target.firesOf('hanging').length > 0, 20_000), relay.log())
  assert.ok(await target.until(() => target.firesOf('missed').length > 0, 20_000), relay.log())
  while ((await list()).length > 1);
  assert.deepEqual(
    (await list()).map((row) => row.job_id),
    ['far'],
  )
})

test('workerd: an arm that replaces one whose fire hangs is fired at its instant', async (t) => {
  const target = await hook(t, ({ fireAt }) =>
    fireAt.startsWith('2020') ? new Promise<never>(() => {}) : taken,
  )
  const relay = await worker(t)
  const { provision } = await relay.agent(target.url, 'orders')
  await provision('job', '2020-01-01T00:00:00Z')
  const fireAt = instantIn(1_500)
  await provision('job', fireAt)
  assert.ok(await target.until(() => target.fires.some((fire) => fire.fireAt === fireAt), 10_000))
  const [fire] = target.fires
  assert.ok((fire?.at ?? 0) >= Date.parse(fireAt), 'never before its instant')
})

test('workerd: a fire that is refused comes again, and the registry shows its tries', async (t) => {
  const answers = [{ status: 503 }]
  const target = await hook(t, () => answers.shift() ?? taken)
  const relay = await worker(t)
  const { provision } = await relay.agent(target.url, 'orders')
  await provision('job', '2020-01-01T00:00:00Z')
  const armed = async () =>
    (await relay.own('GET', '/agents/orders')).body['armed'] as { job_id: string; tries: number }[]
  while ((await armed())[0]?.tries === 0);
  assert.ok(await target.until(() => target.fires.length === 2))
  const [first, second] = target.fires
  assert.ok((second?.at ?? 0) - (first?.at ?? 0) >= 2_000)
  while ((await armed()).length > 0);
})

test('workerd: agents are apart, and a revoked one is neither heard nor called', async (t) => {
  const target = await hook(t)
  const relay = await worker(t, { RELAY_ROWS: '2' })
  const [one, two] = [await relay.agent(target.url, 'one'), await relay.agent(target.url, 'two')]
  const soon = instantIn(2_000)
  for (const agent of [one, two]) assert.equal((await agent.provision('same', soon)).status, 200)
  await two.cancel('other')
  assert.equal((await one.list()).length, 1)
  assert.equal((await one.provision('second', '2027-01-01T00:00:00Z')).status, 200)
  assert.equal((await one.provision('second', '2027-01-02T00:00:00Z')).status, 200)
  assert.equal((await one.provision('third', '2027-01-01T00:00:00Z')).status, 429)
  assert.equal((await relay.own('DELETE', '/agents/one')).status, 204)
  assert.equal((await one.provision('same', soon)).status, 401)
  assert.ok(await target.until(() => target.firesOf('same').length === 1))
  const again = await relay.agent(target.url, 'one')
  assert.deepEqual(await again.list(), [])
  assert.equal((await relay.own('GET', '/agents')).status, 200)
  // What the revoked agent had armed came due with the other's: only that one was sent.
  assert.equal(target.fires.length, 1)
})

test('workerd: near its rows an agent may replace and cancel at once, and the last place is given once', async (t) => {
  const target = await hook(t)
  const relay = await worker(t, { RELAY_ROWS: '3' })
  const { provision, cancel, list } = await relay.agent(target.url, 'one')
  const at = (day: number) => `2027-01-${String(day).padStart(2, '0')}T00:00:00Z`
  for (const job of ['a', 'b']) assert.equal((await provision(job, at(1))).status, 200)
  // many calls under way for the rows that are there, and one for a new one
  const calls = [2, 3, 4, 5].flatMap((day) => [provision('a', at(day)), provision('b', at(day))])
  const answers = await Promise.all([...calls, provision('c', at(1)), cancel('other')])
  assert.deepEqual(
    answers.map(({ status }) => status),
    answers.map(() => 200),
  )
  assert.equal((await cancel('c')).status, 200)
  const last = await Promise.all(['c', 'd', 'e', 'f'].map((job) => provision(job, at(1))))
  assert.deepEqual(
    last.map(({ status }) => status).toSorted((one, other) => one - other),
    [200, 429, 429, 429],
  )
  assert.equal((await list()).length, 3)
})

test('workerd: without an admin secret every request is refused, with what to do', async (t) => {
  const relay = await worker(t, { RELAY_ADMIN_SECRET: '' })
  const { status, body } = await relay.own('GET', '/agents')
  assert.equal(status, 503)
  assert.match(String(body['error_description']), /wrangler@4 secret put RELAY_ADMIN_SECRET --config/)
})

test('workerd: killed at random moments it loses no wake-up and arms none double', async () => {
  // A wake-up whose try is killed three times comes 15 s later; one more kill would make that a minute.
  const account = await killAtRandom({ kills: 3, jobs: 12, host: 'worker' })
  assert.deepEqual(account.wrong, [])
  assert.ok(account.delivered > 5, JSON.stringify(account))
})
