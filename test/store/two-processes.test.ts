import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Nas, startNas } from '../../dev/nas/index.ts'
import { startTarget, type Target } from '../../dev/target/index.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type ServerProcess, startServerProcess } from './processes.ts'

const apiKey = 'test-key-0123456789abcdef'
let nas: Nas
let target: Target
let database: TestDatabase
let servers: ServerProcess[] = []

before(async () => {
  // its time stands still, so that all the fires are ours
  ;[nas, target, database] = await Promise.all([startNas(), startTarget(), createTestDatabase()])
  const env = {
    DATABASE_URL: database.url,
    CRON_PROVIDER: 'chronos',
    API_KEY: apiKey,
    TARGET_ALLOW: '127.0.0.1',
    ...nas.environment(),
    // one address for both, as machines of one service have: a boot with another one makes every arm again
    CALLBACK_URL: 'http://127.0.0.1:9',
  }
  servers = await Promise.all([startServerProcess(env), startServerProcess(env)])
})
after(async () => {
  await Promise.all(servers.map((server) => server.kill('SIGTERM')))
  await Promise.all([nas?.close(), target?.close(), database?.drop()])
})

async function makeJob(path: string, schedule: string): Promise<string> {
  const response = await fetch(`${servers[0]?.url}/api/jobs`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: path, schedule, action: { type: 'http', url: target.url + path } }),
  })
  const body = (await response.json()) as { job: { id: string } }
  assert.equal(response.status, 201, JSON.stringify(body))
  return body.job.id
}

type Fired = { status: number; answer: string; armedAt: number | null }

/** A fire, and what NAS held for the job when its answer came. */
async function fire(server: ServerProcess, jobId: string, fireAt: string, token: string): Promise<Fired> {
  const response = await fetch(`${server.url}/api/cron/fire`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ job_id: jobId, fire_at: fireAt }),
  })
  const armedAt = armedFor(jobId)
  const body = (await response.json()) as { status: string }
  return { status: response.status, answer: body.status, armedAt }
}

const armedFor = (jobId: string) => {
  const arm = nas.armed().find((row) => row.job_id === jobId)
  return arm ? Date.parse(arm.fire_at) : null
}

/** Cron that names this instant, to the second, and tomorrow's. */
const dailyAt = (slot: Date) => `${slot.getUTCSeconds()} ${slot.getUTCMinutes()} ${slot.getUTCHours()} * * *`

test('of fifty simultaneous fires of one slot at two processes one is answered 202, one run is made, the target is called once; the others are answered 200 once the wake-up is armed', async () => {
  const round = async (n: number) => {
    const path = `/once/${n}`
    const slot = new Date(Math.ceil(Date.now() / 1000) * 1000 + 5_000)
    const jobId = await makeJob(path, dailyAt(slot))
    const token = await nas.signFireToken()
    const fired = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        fire(servers[i % 2] as ServerProcess, jobId, slot.toISOString(), token),
      ),
    )
    const accepted = fired.filter(({ status }) => status === 202)
    const others = fired.filter(({ status }) => status === 200)
    assert.deepEqual(
      [accepted.length, others.length],
      [1, 49],
      JSON.stringify(fired.map(({ status }) => status)),
    )
    assert.deepEqual([...new Set(others.map(({ answer }) => answer))], ['duplicate'])
    for (const { armedAt } of fired) {
      // the arm of the slot itself is used up: what counts is the watchdog, minutes behind it, or the next slot
      assert.ok(armedAt !== null && armedAt > slot.getTime() + 60_000, `armed at ${armedAt}`)
    }
    const [registry] =
      await database.sql`select from job_runtime where job_id = ${jobId} and wake_gen > armed_gen`
    assert.equal(registry, undefined, 'nothing is owed')

    await target.waitFor((calls) => calls.some((call) => call.path === path), 15_000)
    await nas.waitFor(() => (armedFor(jobId) ?? 0) > slot.getTime() + 80_000_000, 15_000)
    const runs = await database.sql`select slot, state, attempt, fence from runs where job_id = ${jobId}`
    assert.deepEqual([...runs], [{ slot, state: 'succeeded', attempt: 1, fence: 1 }])
    assert.equal(target.calls.filter((call) => call.path === path).length, 1)
  }
  await Promise.all([1, 2, 3].map(round))
})

test('fifty jobs fired at both processes at once are each run once', async () => {
  const slot = new Date(Math.ceil(Date.now() / 1000) * 1000 + 4_000)
  const jobs: string[] = []
  for (let n = 0; n < 50; n++) jobs.push(await makeJob('/many', slot.toISOString()))
  const token = await nas.signFireToken()
  const fired = await Promise.all(
    jobs.flatMap((jobId) => servers.map((server) => fire(server, jobId, slot.toISOString(), token))),
  )
  assert.equal(fired.filter(({ status }) => status === 202).length, 50)
  assert.equal(fired.filter(({ status }) => status === 200).length, 50)
  await target.waitFor((calls) => calls.filter(({ path }) => path === '/many').length >= 50, 20_000)
  await nas.waitFor(() => !nas.armed().some((arm) => jobs.includes(arm.job_id)), 20_000)
  const called = target.calls
    .filter(({ path }) => path === '/many')
    .map(({ headers }) => headers['x-chronos-job'])
  assert.equal(called.length, jobs.length)
  assert.deepEqual(new Set(called), new Set(jobs))
})
