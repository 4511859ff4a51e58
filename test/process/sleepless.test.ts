import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { startNas } from '../../dev/nas/index.ts'
import { createTestDatabase } from '../support/database.ts'
import { startServerProcess } from '../store/processes.ts'

const apiKey = 'sleepless-key-0123456789'
type Line = { level: string; code?: string; msg: string }

/** A real process in production that is meant to sleep, with these variables on top. */
async function start(context: TestContext, env: Record<string, string>) {
  const database = await createTestDatabase()
  const nas = await startNas({ time: 'wall' })
  const service = await startServerProcess({
    ...{ DATABASE_URL: database.url, API_KEY: apiKey, NODE_ENV: 'production', IDLE_EXIT_MS: '60000' },
    ...nas.environment(),
    ...env,
  })
  context.after(async () => {
    await service.kill('SIGKILL')
    await nas.close()
    await database.drop()
  })
  const warnings = () =>
    service
      .output()
      .split('\n')
      .filter((line) => line.includes('NEVER_SLEEPS'))
      .map((line) => JSON.parse(line) as Line)
  const status = async () => {
    const answer = await fetch(`${service.url}/api/status`, {
      headers: { authorization: `Bearer ${apiKey}` },
    })
    return (await answer.json()) as { scheduler: { name: string } }
  }
  const makeJob = () =>
    fetch(`${service.url}/api/jobs`, {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        ...{ name: 'a job', schedule: 'in 1h' },
        action: { type: 'http', url: 'https://example.com/' },
      }),
    })
  return { warnings, status, makeJob, nas }
}

test('a machine that is meant to sleep, and is its own timer, says at its start that it never will', async (context) => {
  const { warnings, status } = await start(context, { CRON_PROVIDER: '' })
  assert.equal((await status()).scheduler.name, 'builtin')
  const [warning, ...others] = warnings()
  assert.equal(warning?.level, 'warn')
  assert.match(warning?.msg ?? '', /this machine will never sleep.*outside timer.*or remove IDLE_EXIT_MS/)
  assert.deepEqual(others, [])
})

test('it says so when NAS refuses it later, and only once', async (context) => {
  const { warnings, status, makeJob, nas } = await start(context, { CRON_PROVIDER: 'chronos' })
  await status()
  assert.deepEqual(warnings(), [], 'an outside timer wakes it')
  await nas.misbehave('answer', '403')
  await makeJob()
  await makeJob()
  assert.equal((await status()).scheduler.name, 'builtin')
  assert.equal(warnings().length, 1)
})

test('nothing is said of a machine that is meant to stay up', async (context) => {
  const { warnings, status } = await start(context, { CRON_PROVIDER: '', IDLE_EXIT_MS: '0' })
  await status()
  assert.deepEqual(warnings(), [])
})
