import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { after, test, type TestContext } from 'node:test'
import { codeOf } from '../rest/setup.ts'
import { createTestDatabase } from '../support/database.ts'
import { keyOf } from '../support/key.ts'
import { type Service, startService } from '../support/service.ts'

const database = await createTestDatabase()
after(() => database.drop())

const env = (key: number, ...old: number[]) => ({
  ENCRYPTION_KEY: keyOf(key).toString('base64'),
  ENCRYPTION_KEYS_OLD: old.map((one) => keyOf(one).toString('base64')).join(),
})

async function boot(t: TestContext, keys: Record<string, string>): Promise<Service> {
  const service = await startService({ database, env: keys })
  t.after(() => service.close())
  return service
}
const put = async (service: Service, name: string) =>
  codeOf(await service.api('PUT', `/api/secrets/${name}`, { value: 'a value of some length' }))
const stateOf = async (service: Service) => (await service.api('GET', '/api/status')).body.encryption_key
const ready = async ({ url }: Service) => {
  const answer = await fetch(`${url}/readyz`)
  return { status: answer.status, detail: ((await answer.json()) as { detail?: string }).detail }
}

/** The exit status of the migration, which a deploy runs first, and what it says. */
function migrate(keys: Record<string, string>): Promise<[number, string]> {
  const all = { PATH: process.env['PATH'] ?? '', DATABASE_URL: database.url, ...keys }
  return new Promise((resolve) => {
    execFile(process.execPath, ['src/migrate.ts'], { env: all }, (error, _, stderr) =>
      resolve([typeof error?.code === 'number' ? error.code : 0, stderr]),
    )
  })
}

test('without a key there is nothing to be wrong', async (t) => {
  const service = await boot(t, {})
  assert.equal(await stateOf(service), 'unset')
  assert.equal((await ready(service)).status, 200)
})

test('another key than that of the first boot is told everywhere, and seals nothing', async (t) => {
  const first = await boot(t, env(1))
  assert.equal(await stateOf(first), 'ok')
  assert.equal(await put(first, 'ONE'), '201 undefined')

  const wrong = await boot(t, env(2))
  assert.equal(await stateOf(wrong), 'wrong')
  assert.equal((await wrong.api('GET', '/api/status')).body.status, 'degraded')
  const { status, detail } = await ready(wrong)
  assert.equal(status, 503)
  assert.match(detail ?? '', /ENCRYPTION_KEY is not the key that this database was sealed with/)
  assert.equal(await put(wrong, 'TWO'), '409 ENCRYPTION_KEY_WRONG')
  assert.equal(codeOf(await wrong.api('POST', '/api/secrets/rotate')), '409 ENCRYPTION_KEY_WRONG')
  const channel = { type: 'webhook', url: 'https://example.com/x' }
  assert.equal(codeOf(await wrong.api('PUT', '/api/channels/one', channel)), '409 ENCRYPTION_KEY_WRONG')
  // what needs no key goes on
  const job = await wrong.makeJob()
  assert.equal((await wrong.api('POST', `/api/jobs/${job.id}/run`)).status, 202)

  const [exit, said] = await migrate(env(2))
  assert.equal(exit, 78)
  assert.match(said, /ENCRYPTION_KEY is not the key/)
  assert.equal((await migrate(env(1)))[0], 0)
  assert.equal((await migrate({}))[0], 0)
})

test('a key is changed as before, and forgotten only once everything is sealed anew', async (t) => {
  const changing = await boot(t, env(3, 1))
  assert.equal(await stateOf(changing), 'ok')
  assert.equal(await stateOf(await boot(t, env(3))), 'wrong')
  assert.equal((await changing.api('POST', '/api/secrets/rotate')).body.left, 0)
  assert.equal(await stateOf(await boot(t, env(3))), 'ok')
  assert.equal(await stateOf(await boot(t, env(1))), 'wrong')
  assert.equal(await put(await boot(t, env(3)), 'ONE'), '200 undefined')
})

test('a database from before the known value is judged by what is sealed in it', async (t) => {
  await database.sql`delete from facts where name = 'known_value'`
  assert.equal(await stateOf(await boot(t, env(4))), 'wrong')
  assert.equal((await database.sql`select from facts where name = 'known_value'`).length, 0)
  assert.equal(await stateOf(await boot(t, env(3))), 'ok')
  assert.equal(await stateOf(await boot(t, env(4))), 'wrong')
})
