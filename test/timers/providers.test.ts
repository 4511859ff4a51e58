import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { providers } from '../../src/arming/providers.ts'
import { readConfig } from '../../src/ground/config.ts'
import { createLazyTimer } from '../../src/timers/index.ts'

const key = JSON.stringify({ client_email: 'a@b', private_key: '-----BEGIN PRIVATE KEY-----' })
const whole: Record<string, Record<string, string>> = {
  chronos: {
    ...{ NAS_PORTAL_URL: 'https://nas.example', NAS_AUDIENCE: 'agent:a', NAS_ACCESS_TOKEN: 'token' },
    CALLBACK_URL: 'https://app.example',
  },
  qstash: {
    ...{ QSTASH_TOKEN: 'a', QSTASH_CURRENT_SIGNING_KEY: 'b', QSTASH_NEXT_SIGNING_KEY: 'c' },
    CALLBACK_URL: 'https://app.example',
  },
  'cloud-tasks': {
    ...{ CLOUD_TASKS_QUEUE: 'projects/a/locations/b/queues/c', CLOUD_TASKS_KEY: key },
    CALLBACK_URL: 'https://app.example',
  },
  pg: { ENCRYPTION_KEY: randomBytes(32).toString('base64'), CALLBACK_URL: 'https://app.example' },
}

for (const [name, { missing, limits }] of Object.entries(providers))
  test(`${name} names each variable that it lacks, from the configuration alone`, () => {
    const env = whole[name] ?? {}
    assert.deepEqual(missing(readConfig(env)), [])
    for (const variable of Object.keys(env)) {
      const lacking = missing(readConfig({ ...env, [variable]: '' }))
      assert.equal(lacking.length, 1)
      assert.ok(lacking[0]?.includes(variable), `${lacking[0]} names ${variable}`)
    }
    const { horizonMs, isOnePerJob } = limits(readConfig(env))
    assert.ok(horizonMs >= 7 * 86_400_000)
    assert.equal(
      isOnePerJob,
      name === 'chronos',
      'NAS alone lets a new wake-up take the place of the one before',
    )
  })

test('a timer is loaded when it is first used, once, and says before that what needs no loading', async () => {
  let loads = 0
  const limits = { horizonMs: 1, isOnePerJob: false }
  const place = 'here'
  const calls: string[] = []
  const timer = createLazyTimer({
    ...{ name: 'own', title: 'Own', place, limits },
    async load() {
      loads += 1
      return {
        ...{ name: 'own', title: 'Own', place, limits },
        arm: async ({ jobId }) => ({ ok: true, value: { scheduleId: calls.push(jobId).toString() } }),
        cancel: async () => ({ ok: true, value: null }),
        list: async () => ({ ok: true, value: null }),
        refusal: () => null,
        session: () => 'valid',
        verifyFire: async () => ({}),
        warm: async () => {},
        refreshIfStale: async () => {},
        keysError: () => null,
      }
    },
  })
  assert.deepEqual([timer.session(), timer.refusal(), timer.keysError(), loads], ['unknown', null, null, 0])
  const wish = { jobId: 'a', gen: 1, fireAt: new Date(), callbackUrl: 'https://app.example' }
  await Promise.all([timer.arm(wish), timer.verifyFire({}), timer.warm(), timer.refreshIfStale()])
  await timer.cancel({ jobId: 'a', scheduleId: null })
  assert.deepEqual([calls, loads, timer.session()], [['a'], 1, 'valid'])
})
