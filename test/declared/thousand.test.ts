import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type Service, startService } from '../support/service.ts'
import { type CountingProxy, countStatements } from '../support/statements.ts'

let database: TestDatabase
let proxy: CountingProxy
let service: Service
before(async () => {
  database = await createTestDatabase()
  proxy = await countStatements(database.url)
  service = await startService({
    database: { ...database, url: proxy.url },
    env: { CRON_PROVIDER: 'builtin', ENCRYPTION_KEY: randomBytes(32).toString('base64') },
    clock: '2026-06-18T08:00:00Z',
  })
})
after(async () => {
  await service.close()
  await proxy.close()
  await database.drop()
})

/** A claim or a settle has the same limit (db/wanted.ts), and a service has looks of its own meanwhile. */
const perStatement = 16
const others = 40

test('a thousand jobs that refer to secrets, channels and each other take few statements', async (t) => {
  await service.api('PUT', '/api/secrets/TOKEN', { value: 'a-token-of-some-length' })
  await service.api('PUT', '/api/channels/team', { type: 'slack', url: 'https://hooks.slack.com/services/a' })
  const jobs = (minute: number) =>
    Object.fromEntries(
      Array.from({ length: 1_000 }, (_, n) => [
        `job-${n}`,
        {
          ...(n % 5 === 4
            ? { after: { job: `job-${n - 1}` } }
            : { schedule: `${(minute + n) % 60} ${n % 24} * * *` }),
          timezone: 'Europe/Berlin',
          deliver: { channel: 'team' },
          action: {
            ...{ type: 'http', url: `${service.target.url}/hook?n=${n}` },
            headers: { 'x-n': `${n} ${minute}`, authorization: 'Bearer {{secrets.TOKEN}}' },
          },
        },
      ]),
    )
  async function sent(what: string, path: string, file: object, expected: object): Promise<number> {
    proxy.count()
    const beganAt = performance.now()
    const { status, body } = await service.api('POST', path, file)
    const statements = proxy.count()
    t.diagnostic(`${what}: ${Math.round(performance.now() - beganAt)} ms, ${statements} statements`)
    assert.equal(status, 200, JSON.stringify(body).slice(0, 500))
    const { made, changed, removed, kept } = body
    const none = { made: 0, changed: 0, removed: 0, kept: 0 }
    assert.deepEqual({ made, changed, removed, kept }, { ...none, ...expected })
    return statements
  }
  const owner = 'many'
  assert.ok((await sent('planned', '/api/plan', { owner, jobs: jobs(0) }, { made: 1000 })) < others)
  assert.ok((await sent('made', '/api/apply', { owner, jobs: jobs(0) }, { made: 1000 })) < others)
  assert.ok((await sent('found', '/api/apply', { owner, jobs: jobs(0) }, { kept: 1000 })) < others)
  // a look and a move each
  const changed = await sent('changed', '/api/apply', { owner, jobs: jobs(1) }, { changed: 1000 })
  assert.ok(changed < 2 * (1_000 / perStatement) + others, `${changed} statements`)
  // each is cancelled at the timer, and how many of those are noted together is a matter of luck
  await sent('removed', '/api/apply?prune=true', { owner, jobs: {} }, { removed: 1000 })
})
