import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { startNas } from '../../dev/nas/index.ts'
import { startServerProcess } from '../store/processes.ts'
import { createTestDatabase } from '../support/database.ts'

const expiresAt = new Date(Date.UTC(2040, 0, 2, 3, 4, 5))

/** The log of the real service that was started with a static token which is a JWT that expires. */
async function logOf(t: { after(work: () => unknown): void }, login: boolean): Promise<string> {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const token = `${part({ alg: 'ES256' })}.${part({ exp: expiresAt.getTime() / 1_000 })}.c2lnbmF0dXJl`
  const database = await createTestDatabase()
  const nas = await startNas({ time: 'wall', accessToken: token })
  t.after(async () => {
    await nas.close()
    await database.drop()
  })
  const service = await startServerProcess({
    ...{ DATABASE_URL: database.url, API_KEY: 'static-token-key-0123456789', CRON_PROVIDER: 'chronos' },
    ...(login ? nas.environment({ refresh: true }) : {}),
    ...nas.environment(),
    ENCRYPTION_KEY: randomBytes(32).toString('base64'),
  })
  await service.kill('SIGTERM')
  assert.ok(!service.output().includes(token))
  return service.output()
}

test('a static token that expires is warned of at start, with the instant at which it does', async (t) => {
  const log = await logOf(t, false)
  assert.match(
    log,
    /NAS_ACCESS_TOKEN expires at 2040-01-02T03:04:05\.000Z; NAS refuses every call from then on/,
  )
})

test('with a login beside it the warning says what takes over', async (t) => {
  const log = await logOf(t, true)
  assert.match(
    log,
    /expires at 2040-01-02T03:04:05\.000Z; the login of NAS_REFRESH_TOKEN is used from then on/,
  )
})
