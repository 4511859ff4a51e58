import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test, type TestContext } from 'node:test'
import { type FlyOptions, startFly } from '../../dev/fly/index.ts'

let folder: string
let program: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'local-fly-test-'))
  program = join(folder, 'app.js')
  await writeFile(program, app)
})
after(() => rm(folder, { recursive: true }))

/** Answers with its machine's id; paths make it slow (by so many ms), die, or say what time it is. It ignores SIGINT if DEAF is set. */
const app = `
const server = require('node:http').createServer((request, response) => {
  if (request.url === '/reset') return request.socket.resetAndDestroy()
  if (request.url === '/bye') response.on('close', () => process.exit(0))
  const body = request.url === '/clock' ? JSON.stringify([Date.now(), performance.now()]) : process.env.FLY_MACHINE_ID
  setTimeout(() => response.end(body), Number(request.url.slice(6)) || 0)
})
process.on('SIGINT', () => process.env.DEAF || process.exit(0))
setTimeout(() => server.listen(process.env.PORT, '127.0.0.1'), Number(process.env.LISTEN_AFTER_MS ?? 0))`

async function setup(context: TestContext, options: Partial<FlyOptions> = {}) {
  const fly = await startFly({ image: { name: 'app', program }, env: () => ({}), ...options })
  context.after(() => fly.close())
  const get = async (path = '/') => {
    const answer = await fetch(fly.url + path)
    return { status: answer.status, text: await answer.text() }
  }
  const told = (what: string) => fly.events.filter((event) => event.what === what)
  return { fly, get, told, machine: fly.machines[0] ?? assert.fail('there is no machine') }
}

test('the first request starts a machine and waits until it accepts', async (context) => {
  const { get, told } = await setup(context, { env: () => ({ LISTEN_AFTER_MS: '300' }) })
  assert.deepEqual(await get(), { status: 200, text: 'm1' })
  assert.equal(told('start').length, 1)
})

test('requests that come while a machine starts are queued, and none starts it twice', async (context) => {
  const { get, told } = await setup(context)
  const answers = await Promise.all(Array.from({ length: 5 }, () => get()))
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]))
  assert.equal(told('start').length, 1)
})

test('a machine that never accepts is given up after the bounded loop', async (context) => {
  const options = { env: () => ({ LISTEN_AFTER_MS: '60000' }), settings: { connectMs: 300 } }
  const { get, told } = await setup(context, options)
  assert.equal((await get()).status, 502)
  assert.equal(told('gave_up').length, 1)
})

test('a request whose connection was reset is sent again, and not for ever', async (context) => {
  const { get, told } = await setup(context, { settings: { resends: 2 } })
  assert.equal((await get('/reset')).status, 502)
  assert.equal(told('resend').length, 2)
})

test('a machine that exits 0 stays off and costs nothing until the next request', async (context) => {
  const { fly, get, told } = await setup(context)
  await get('/bye')
  await fly.until(() => told('exit').length === 1)
  const paid = fly.bill().awakeS
  await get()
  assert.equal(told('start').length, 2)
  assert.ok(fly.bill().awakeS > paid)
  assert.ok(fly.bill().awakeS < fly.bill().elapsedS)
})

test('a machine that dies is started again, one that was stopped is not', async (context) => {
  const { fly, get, told, machine } = await setup(context, { settings: { restartDelayMs: 10 } })
  await get()
  machine.crash()
  await fly.until(() => told('start').length === 2)
  assert.equal((await get()).status, 200)
  await machine.stop('a test')
  assert.equal(machine.state(), 'stopped')
  assert.equal(told('restart').length, 1)
})

test('who ignores the signal is killed after kill_timeout', async (context) => {
  const { get, told, machine } = await setup(context, {
    env: () => ({ DEAF: '1' }),
    settings: { killTimeoutMs: 100, restart: 'no' },
  })
  await get()
  await machine.stop('a test')
  assert.equal(told('kill').length, 1)
  assert.equal(told('exit')[0]?.detail, 'SIGKILL')
})

test('a second machine is started above the soft limit, and takes over from a dead host', async (context) => {
  const { fly, get, machine } = await setup(context, { machines: 2, settings: { softLimit: 1 } })
  const both = await Promise.all([get('/slow/2000'), get('/slow/2000')])
  assert.deepEqual(new Set(both.map(({ text }) => text)), new Set(['m1', 'm2']))
  machine.lose()
  assert.equal((await get()).text, 'm2')
  machine.comeBack()
  assert.equal(fly.machines[0]?.state(), 'stopped')
})

test('autostop looks at proxied requests only, and leaves a machine alone that has one', async (context) => {
  const { get, told, fly } = await setup(context, {
    ...{ autoStop: 'stop', autoStopEveryMs: 100 },
    checks: [{ path: '/', everyMs: 10 }],
  })
  const startedAt = Date.now()
  assert.equal((await get('/slow/300')).status, 200)
  await fly.until(() => told('signal').length === 1)
  const [signal] = told('signal')
  assert.ok(signal && signal.at.getTime() >= startedAt + 300, 'not while the request was under way')
})

test('a suspended machine is woken by a request, its clocks behind; the wall clock is stepped, the other stays', async (context) => {
  const hour = 3_600_000
  const { fly, get, machine, told } = await setup(context, {
    settings: { clocks: true, sleptMs: hour, stepClockAfterMs: 150 },
  })
  const clocks = async () => JSON.parse((await get('/clock')).text) as [number, number]
  const [, upBefore] = await clocks()
  machine.suspend()
  const [wall, up] = await clocks()
  assert.ok(Math.abs(Date.now() - hour - wall) < 5_000)
  assert.ok(up < upBefore)
  await fly.until(() => told('clock').length === 1)
  const [stepped, still] = await clocks()
  assert.ok(Math.abs(Date.now() - stepped) < 5_000)
  assert.ok(still < upBefore)
  assert.equal(told('start').length, 1)
})

test('a deploy runs the release command first, replaces a running machine and leaves a stopped one down', async (context) => {
  const { fly, get, told } = await setup(context, { machines: 2 })
  await get()
  const failing = { name: 'release', program: join(folder, 'nowhere.js') }
  assert.equal(await fly.deploy({ name: 'next', program }, failing), false)
  assert.equal(told('signal').length, 0)
  assert.equal(await fly.deploy({ name: 'next', program }), true)
  assert.deepEqual(
    fly.machines.map((machine) => machine.state()),
    ['started', 'stopped'],
  )
})
