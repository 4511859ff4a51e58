import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { startNas } from '../../dev/nas/index.ts'
import { startTarget } from '../../dev/target/index.ts'
import { createTestDatabase } from '../support/database.ts'
import { startServerProcess } from '../store/processes.ts'

const apiKey = 'dead-login-key-0123456789'

type Status = {
  scheduler: { name: string }
  nas: { refused: { code: string; message: string } | null }
  process: { holds: Record<string, number> }
}

/** The real service, with a login whose refresh token someone else has spent. */
async function setup(t: TestContext, loginError: string) {
  const [database, target] = [await createTestDatabase(), await startTarget()]
  const nas = await startNas({ time: 'wall', modes: { 'dead-login': loginError } })
  t.after(async () => {
    await nas.close()
    await target.close()
    await database.drop()
  })
  const environment = nas.environment({ refresh: true })
  await fetch(nas.tokenUrl, {
    method: 'POST',
    headers: { 'user-agent': 'somebody-else/1', accept: 'application/json' },
    body: new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: nas.clientId,
      refresh_token: nas.refreshToken(),
    }),
  })
  const calls = nas.requests('token').length
  const service = await startServerProcess({
    ...{ DATABASE_URL: database.url, API_KEY: apiKey, CRON_PROVIDER: 'chronos', ...environment },
    ...{ ENCRYPTION_KEY: randomBytes(32).toString('base64'), TARGET_ALLOW: '127.0.0.0/8' },
    ...{ IDLE_EXIT_MS: '1000', BOOT_GRACE_MS: '1000' },
  })
  t.after(() => service.kill('SIGKILL'))
  const api = async (method: string, path: string, body?: unknown) => {
    const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' }
    const sent = body === undefined ? {} : { body: JSON.stringify(body) }
    const answer = await fetch(`${service.url}${path}`, { method, headers, ...sent })
    return { status: answer.status, body: await answer.json() }
  }
  return { service, target, api, refreshes: () => nas.requests('token').length - calls }
}

for (const loginError of ['refresh_token_reused', 'invalid_grant', 'invalid_token', '401', '403'])
  test(`a dead login (${loginError}): one token call, the job runs, /api/status says why, and the process exits`, async (t) => {
    const { service, target, api, refreshes } = await setup(t, loginError)
    const made = await api('POST', '/api/jobs', {
      ...{ name: 'once', schedule: 'in 3s' },
      action: { type: 'http', url: `${target.url}/hook` },
    })
    assert.equal(made.status, 201)

    const { scheduler, nas } = (await api('GET', '/api/status')).body as Status
    assert.equal(scheduler.name, 'builtin')
    assert.equal(nas.refused?.code, 'LOGIN_REFUSED')
    assert.match(nas.refused?.message ?? '', /answered 40[013]/)

    await target.waitFor(1, 15_000)
    assert.equal(await service.ended(20_000), 0, 'nothing is left to do')
    assert.equal(refreshes(), 1)
    const lines = service.output().split('\n')
    assert.equal(lines.filter((line) => line.includes('the login is permanently refused')).length, 1)
  })
