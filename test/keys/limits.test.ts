import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { codeOf } from '../rest/setup.ts'
import { type Service, startService } from '../support/service.ts'
import { makeKey } from './setup.ts'

// One service per test: a limit that is used up is used up for a minute.

let shared: Service
before(async () => {
  shared = await startService()
})
after(() => shared.close())

async function limited(t: { after(done: () => Promise<void>): void }, env: Record<string, string>) {
  const { nas, target, database } = shared
  const service = await startService({ nas, target, database, begin: false, env })
  t.after(() => service.close())
  return service
}

const wrong = { authorization: 'Bearer wrong-key-0123456789' }

test('a key over its limit is answered 429 with when to come again, before anything is done; others are not', async (t) => {
  const service = await limited(t, { RATE_LIMIT_PER_MINUTE: '3' })
  const { as } = await makeKey(shared)
  const left: (string | null)[] = []
  const startedAt = performance.now()
  for (let n = 0; n < 3; n++) {
    const { status, headers } = await service.api('GET', '/api/jobs', undefined, as)
    assert.equal(status, 200)
    assert.equal(headers.get('ratelimit-limit'), '3')
    left.push(headers.get('ratelimit-remaining'))
  }
  assert.deepEqual(left, ['2', '1', '0'])
  const answer = await service.api('POST', '/api/jobs', {}, as)
  assert.equal(codeOf(answer), '429 RATE_LIMITED')
  assert.equal(answer.headers.get('content-type'), 'application/problem+json')
  const passedS = Math.ceil((performance.now() - startedAt) / 1_000)
  for (const [header, atFirst] of [
    ['retry-after', 20],
    ['ratelimit-reset', 60],
  ] as const) {
    const seconds = Number(answer.headers.get(header))
    assert.ok(
      seconds <= atFirst && seconds >= atFirst - passedS,
      `${header} is ${seconds} after ${passedS} s`,
    )
  }
  assert.equal((await service.api('GET', '/api/jobs')).status, 200)
})

test('neither a fire, nor a health check, nor the document counts', async (t) => {
  const service = await limited(t, { RATE_LIMIT_PER_MINUTE: '1' })
  assert.equal((await service.api('GET', '/api/jobs')).status, 200)
  assert.equal(codeOf(await service.api('GET', '/api/jobs')), '429 RATE_LIMITED')
  for (let n = 0; n < 50; n++) {
    const { status, headers } = await service.fire({ job_id: 'ffffffffffff' })
    assert.deepEqual([status, headers.get('ratelimit-limit')], [200, null])
  }
  for (const path of ['/healthz', '/readyz', '/openapi.json'])
    assert.equal((await service.api('GET', path, undefined, wrong)).status, 200)
})

test('of wrong keys from one address thirty a minute are answered 401, then 429; good keys go on', async (t) => {
  const service = await limited(t, { RATE_LIMIT_PER_MINUTE: '600' })
  const { as } = await makeKey(shared)
  assert.equal((await service.api('GET', '/api/jobs', undefined, as)).status, 200)
  const statuses: number[] = []
  for (let n = 0; n < 32; n++)
    statuses.push(
      (await service.api('GET', '/api/jobs', undefined, { ...wrong, 'fly-client-ip': `10.0.0.${n}` })).status,
    )
  assert.deepEqual(
    [statuses.slice(0, 30).every((status) => status === 401), ...statuses.slice(30)],
    [true, 429, 429],
  )
  for (const good of [as, {}])
    assert.equal((await service.api('GET', '/api/jobs', undefined, good)).status, 200)
  // one that no one has shown here before is not even looked up
  const fresh = await makeKey(shared)
  assert.equal(codeOf(await service.api('GET', '/api/jobs', undefined, fresh.as)), '429 RATE_LIMITED')
})

test('on Fly the address is the one that its proxy says', async (t) => {
  const service = await limited(t, { RATE_LIMIT_PER_MINUTE: '600', FLY_MACHINE_ID: 'm1' })
  const ask = async (address: string) =>
    (await service.api('GET', '/api/jobs', undefined, { ...wrong, 'fly-client-ip': address })).status
  for (let n = 0; n < 30; n++) assert.equal(await ask('198.51.100.7'), 401)
  assert.equal(await ask('198.51.100.7'), 429)
  assert.equal(await ask('198.51.100.8'), 401)
})

test('with RATE_LIMIT_PER_MINUTE=0 nothing is counted and nothing is said', async (t) => {
  const service = await limited(t, { RATE_LIMIT_PER_MINUTE: '0' })
  for (let n = 0; n < 32; n++)
    assert.equal((await service.api('GET', '/api/jobs', undefined, wrong)).status, 401)
  assert.equal((await service.api('GET', '/api/jobs')).headers.get('ratelimit-limit'), null)
})
