import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { freePort } from '../../dev/free-port.ts'
import { type Nas, startNas } from '../../dev/nas/index.ts'
import { startTarget, type Target } from '../../dev/target/index.ts'
import { createHolds, type HoldKind } from '../../src/ground/holds.ts'
import { createStay } from '../../src/process/stay.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { apiKey, type Json, type Service, startService } from '../support/service.ts'
import { until } from '../support/until.ts'
import { browser, cookieIn, signedIn } from './setup.ts'

let database: TestDatabase
let nas: Nas
let target: Target
let service: Service
before(async () => {
  ;[database, nas, target] = await Promise.all([createTestDatabase(), startNas(), startTarget()])
  service = await startService({ database, nas, target })
})
after(async () => {
  await service.close()
  await Promise.all([nas.close(), target.close(), database.drop()])
})

const idleMs = 5_000
/** A process that the page keeps up is ended from outside then, and the test fails. */
const longestMs = 60_000

test('a process goes down in time although a page looks at it all the while, and has said when', async () => {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const { PATH = '' } = process.env
  const child = spawn(process.execPath, ['src/server.ts'], {
    env: {
      ...{ PATH, DATABASE_URL: database.url, API_KEY: apiKey, CRON_PROVIDER: 'chronos', LOG_LEVEL: 'silent' },
      ...nas.environment(),
      ...{ HOST: '127.0.0.1', PORT: String(port), CALLBACK_URL: url, FLY_MACHINE_ID: 'looked-at' },
      IDLE_EXIT_MS: String(idleMs),
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const exit = once(child, 'exit')
  const told: { awake: Json; header: string | null; at: number }[] = []
  try {
    // the time begins with the first answer, which is this one
    const signed = await until('the page signs in', () =>
      browser({ url })('POST', '/api/session', { key: apiKey }).catch(() => null),
    )
    const page = browser({ url }, cookieIn(signed))
    const look = async () => {
      const { body, headers } = await page('GET', '/api/status')
      told.push({ awake: body.awake, header: headers.get('x-chronos-goes-down-in'), at: Date.now() })
    }
    let isGone = false
    void exit.then(() => (isGone = true))
    // far more often than any page; the last calls find no port any more
    const latest = performance.now() + longestMs
    while (!isGone && performance.now() < latest) await Promise.all([look(), look()]).catch(() => {})
  } finally {
    child.kill('SIGKILL')
  }
  assert.deepEqual(await exit, [0, null])
  // those before are from the boot, which holds it
  const { awake, header, at } = told.at(-1) ?? assert.fail('no call was answered')
  assert.deepEqual(awake.because, ['it was called a moment ago'])
  const inMs = Date.parse(awake.goes_down_at) - at
  assert.ok(inMs > -longestMs && inMs <= idleMs, `in ${inMs} ms`)
  assert.ok(Number(header) >= 0 && Number(header) <= idleMs / 1000, `in ${header} s`)
  const [row] = await database.sql`select value ->> 'why' as why from facts where name = 'process:looked-at'`
  assert.equal(row?.['why'], 'idle')
})

test('what the page reads holds until it is answered, what it changes as any call, and a log that it follows not at all', async () => {
  const { holds } = service.app
  const taken: HoldKind[] = []
  const { take } = holds
  const page = await signedIn(service, apiKey)
  const { id } = await service.makeJob({ action: { type: 'http', url: `${target.url}/slow` } })
  // the routes take their holds by this function: what it was asked for is what they held
  holds.take = (kind) => {
    taken.push(kind)
    return take(kind)
  }
  const heldBy = async (work: () => Promise<unknown>) => {
    taken.length = 0
    await work()
    return taken.filter((kind) => kind === 'page' || kind === 'request')
  }
  try {
    assert.deepEqual(await heldBy(() => page('GET', `/api/jobs/${id}`)), ['page'])
    assert.deepEqual(await heldBy(() => page('POST', '/api/schedules/preview', { schedule: 'every 5m' })), [
      'page',
    ])
    assert.deepEqual(await heldBy(() => service.api('GET', `/api/jobs/${id}`)), ['request'])
    assert.deepEqual(await heldBy(() => page('GET', '/')), [])
    assert.deepEqual(await heldBy(() => page('GET', '/api/session')), [])
    let run = ''
    const started = await heldBy(
      async () => (run = (await page('POST', `/api/jobs/${id}/run`, {})).body.run.id),
    )
    assert.ok(started.length > 0 && !started.includes('page'), 'what somebody presses is a call as any other')
    assert.deepEqual(await heldBy(() => page('GET', `/api/runs/${run}/logs?follow=true`)), [])
    await until('all are answered', () => holds.count('page', 'request') === 0)
  } finally {
    holds.take = take
  }
})

test('the status says why a process is up, and forgets calls, the one that asks among them', () => {
  const holds = createHolds()
  let now = 0
  const stay = createStay({ idleExitMs: 30_000, holds, delays: { now: () => now, after: () => () => {} } })
  stay.plan(() => 42_000)
  now = 2_000
  holds.take('request')
  holds.take('page')
  assert.equal(stay.goesDownInMs(), 40_000)
  const release = holds.take('run')
  const { because, goes_down_at: at } = stay.report()
  assert.deepEqual(
    [because, at, stay.goesDownInMs()],
    [['runs are under way or wait for a place'], null, null],
  )
  release()
  now = 50_000
  assert.equal(stay.goesDownInMs(), 0)
  const always = createStay({ idleExitMs: 0, holds, delays: { now: () => now, after: () => () => {} } })
  assert.deepEqual(always.report(), { because: ['IDLE_EXIT_MS is 0: it stays up'], goes_down_at: null })
})
