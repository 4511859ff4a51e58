import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { test, type TestContext } from 'node:test'
import { createHolds } from '../../src/ground/holds.ts'
import { createIdleExit } from '../../src/process/idle.ts'
import { warnOfUptime } from '../../src/process/uptime.ts'
import { createManualDelays } from './delays.ts'
import { until } from '../support/until.ts'

const graceMs = 60_000
const idleMs = 30_000
const quiet = { info() {}, warn() {}, error() {} }

/** A process that may leave, on time that the test sets. `owed`: what Postgres answers; it may be changed. */
async function setup(context: TestContext, { idleExitMs = idleMs } = {}) {
  const delays = createManualDelays()
  const holds = createHolds()
  const exits: string[] = []
  const asked: number[] = []
  const postgres = { answer: async () => true }
  const first = Promise.withResolvers<void>()
  const server = createServer((_request, response) => response.end('ok')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  context.after(() => void server.close())
  createIdleExit({
    ...{ idleExitMs, bootGraceMs: graceMs, firstAnswered: first.promise },
    ...{ holds, server, delays, log: quiet },
    departure: {
      ifNothingIsOwed() {
        asked.push(delays.now())
        return postgres.answer()
      },
    },
    exit: (why) => void exits.push(why),
  })
  const call = () =>
    fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } }).then(
      (answer) => answer.status,
      (error: Error) => (error.cause as { code: string }).code,
    )
  return { delays, holds, exits, asked, postgres, server, port, call, answered: first.resolve }
}

test('it leaves when the boot grace and the idle time have both passed, and not a moment earlier', async (context) => {
  const { delays, exits } = await setup(context)
  await delays.pass(graceMs - 1)
  assert.deepEqual(exits, [])
  await delays.pass(1)
  await until('it leaves', () => exits.length > 0)
  assert.deepEqual(exits, ['idle'])
})

test('the boot grace ends when the first call has been answered, and the idle time begins then', async (context) => {
  const { delays, exits, answered } = await setup(context)
  await delays.pass(5_000)
  answered()
  await delays.pass(idleMs - 1)
  assert.deepEqual(exits, [])
  await delays.pass(1)
  await until('it leaves', () => exits.length > 0)
  assert.deepEqual(exits, ['idle'])
})

test('what a start looks after is waited for, and begins no idle time', async (context) => {
  const { delays, holds, exits, answered } = await setup(context)
  const releases = [holds.take('boot'), holds.take('reconcile')]
  answered()
  await delays.pass(idleMs + 5_000)
  assert.deepEqual(exits, [])
  for (const release of releases) release()
  await delays.pass(0)
  await until('it leaves', () => exits.length > 0)
})

test('a first call whose work goes on is no reason to leave', async (context) => {
  const { delays, holds, exits, answered } = await setup(context)
  const release = holds.take('run')
  answered()
  await delays.pass(10 * graceMs)
  assert.deepEqual(exits, [])
  release()
  await delays.pass(idleMs)
  await until('it leaves', () => exits.length > 0)
})

test('without IDLE_EXIT_MS it waits for nothing and holds nothing', async (context) => {
  const { delays, holds } = await setup(context, { idleExitMs: 0 })
  assert.equal(delays.waiting(), 0)
  assert.equal(holds.count(), 0)
})

test('a hold keeps it up as long as it lasts, and its release begins the idle time anew', async (context) => {
  const { delays, holds, exits } = await setup(context)
  await delays.pass(graceMs - 1)
  const release = holds.take('run')
  await delays.pass(10 * idleMs)
  assert.deepEqual(exits, [])
  release()
  await delays.pass(idleMs - 1)
  assert.deepEqual(exits, [])
  await delays.pass(1)
  await until('it leaves', () => exits.length > 0)
})

test('calls that take no hold prolong nothing', async (context) => {
  const { delays, exits, call } = await setup(context)
  await delays.pass(graceMs - idleMs)
  for (let at = 0; at < idleMs; at += 10_000) {
    assert.equal(await call(), 200)
    await delays.pass(10_000)
  }
  await until('it leaves', () => exits.length > 0)
})

test('a call that arrives while it looks again makes it listen on, at the same port', async (context) => {
  const { delays, holds, exits, postgres, server, call } = await setup(context)
  let release = () => {}
  postgres.answer = async () => {
    release = holds.take('request')
    return true
  }
  await delays.pass(graceMs)
  await until('it listens', () => server.listening)
  assert.deepEqual(exits, [])
  assert.equal(await call(), 200)
  postgres.answer = async () => true
  release()
  await delays.pass(idleMs)
  await until('it leaves', () => exits.length > 0)
})

test('while it looks again the port is closed, so that a late fire is sent to the next process', async (context) => {
  const { delays, exits, postgres, call } = await setup(context)
  let seen: number | string = 0
  postgres.answer = async () => {
    seen = await call()
    return true
  }
  await delays.pass(graceMs)
  await until('a call is refused', () => seen !== 0)
  assert.equal(seen, 'ECONNREFUSED')
  await until('it leaves', () => exits.length > 0)
})

test('something owed in Postgres makes it listen on and ask again an idle time later', async (context) => {
  const { delays, exits, asked, postgres, server } = await setup(context)
  postgres.answer = async () => false
  await delays.pass(graceMs)
  await until('it listens', () => server.listening)
  postgres.answer = async () => true
  await delays.pass(idleMs)
  await until('it leaves', () => exits.length > 0)
  assert.deepEqual(asked, [graceMs, graceMs + idleMs])
})

test('a Postgres that cannot be asked counts as busy', async (context) => {
  const { delays, exits, postgres, server, call } = await setup(context)
  postgres.answer = async () => Promise.reject(new Error('no connection'))
  await delays.pass(graceMs)
  await until('it listens', () => server.listening)
  assert.deepEqual(exits, [])
  assert.equal(await call(), 200)
})

test('half a request holds it for two seconds at most, and is cut', async (context) => {
  const { delays, exits, server, port } = await setup(context)
  await delays.pass(graceMs - idleMs)
  const arrived = once(server, 'connection')
  const half = connect(port, '127.0.0.1')
  const cut = once(half, 'close')
  half.write('POST / HTTP/1.1\r\nhost: here\r\n')
  await arrived
  await new Promise((resolve) => setTimeout(resolve, 20))
  await delays.pass(idleMs + 1_999)
  assert.deepEqual(exits, [])
  await delays.pass(1)
  await until('it leaves', () => exits.length > 0)
  await cut
})

test('a port that cannot be had again is told, and ends the process as broken', async (context) => {
  const { delays, exits, postgres, port } = await setup(context)
  const thief = createServer()
  context.after(() => void thief.close())
  postgres.answer = async () => {
    await once(thief.listen(port, '127.0.0.1'), 'listening')
    return false
  }
  await delays.pass(graceMs)
  await until('it leaves', () => exits.length > 0)
  assert.deepEqual(exits, ['broken'])
})

test('a process that stays up is warned of each time the limit has passed, with what holds it', async () => {
  const delays = createManualDelays()
  const holds = createHolds()
  const warnings: object[] = []
  warnOfUptime({
    ...{ maxUptimeMs: 3_600_000, holds, delays },
    log: { ...quiet, warn: (fields) => void warnings.push(fields) },
  })
  holds.take('run')
  await delays.pass(3_599_999)
  assert.equal(warnings.length, 0)
  await delays.pass(3_600_001)
  assert.deepEqual(warnings, [
    { up_s: 3600, holds: { run: 1 } },
    { up_s: 7200, holds: { run: 1 } },
  ])
})

test('a look at the page is waited for, and the process goes as soon as it is answered', async (context) => {
  const { delays, holds, exits, answered } = await setup(context)
  answered()
  await delays.pass(idleMs - 10)
  holds.take('page')()
  const release = holds.take('page')
  await delays.pass(1_000)
  assert.deepEqual(exits, [])
  release()
  await delays.pass(0)
  await until('it leaves', () => exits.length > 0)
  assert.deepEqual(exits, ['idle'])
})
