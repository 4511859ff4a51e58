import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { BehaviourName, Target } from '../../dev/target/index.ts'
import { bodyOf, setup } from './setup.ts'

const troubles: { does: BehaviourName; state: string; code: string; says: RegExp }[] = [
  {
    does: 'lie',
    state: 'failed',
    code: 'CONNECTION_BROKEN',
    says: /after it answered 200 and 4 bytes of a body/,
  },
  {
    does: 'garbage',
    state: 'failed',
    code: 'ANSWER_UNREADABLE',
    says: /an answer that is not HTTP before it answered/,
  },
  {
    does: 'close_early',
    state: 'failed',
    code: 'CONNECTION_BROKEN',
    says: /closed the connection before it/,
  },
  { does: 'reset', state: 'failed', code: 'CONNECTION_BROKEN', says: /closed the connection before it/ },
  { does: 'headers', state: 'failed', code: 'ANSWER_HEADERS_TOO_LARGE', says: /16 KiB/ },
  { does: 'gzip_garbage', state: 'failed', code: 'ANSWER_UNREADABLE', says: /cannot be decompressed/ },
  { does: 'hang', state: 'timed_out', code: 'TIMEOUT', says: /time limit, after \d+ ms, before it answered/ },
  {
    does: 'stall',
    state: 'timed_out',
    code: 'TIMEOUT',
    says: /after it answered 200 and 13 bytes of a body/,
  },
]

for (const { does, state, code, says } of troubles) {
  test(`a target that does ${does} ends the attempt as ${state} with ${code}`, async (t) => {
    const { target, call } = await setup(t)
    target.behave('/', { does })
    const outcome = await call('/?token=secret', code === 'TIMEOUT' ? { timeout_ms: 300 } : {})
    assert.equal(outcome.state, state)
    assert.equal(outcome.error?.code, code)
    assert.match(outcome.error.message, says)
    assert.doesNotMatch(outcome.error.message, /secret/)
    assert.equal(outcome.final, undefined)
    assert.equal(target.calls.length, 1)
    await target.allClosed()
  })
}

for (const does of ['flood', 'gzip_bomb'] as const) {
  test(`of a ${does} 64 KiB are kept, and the rest is not read`, async (t) => {
    const { target, call } = await setup(t)
    target.behave('/', { does })
    const before = process.memoryUsage().rss
    const outcome = await call('/')
    const grownMiB = (process.memoryUsage().rss - before) / 1024 / 1024
    assert.equal(outcome.state, 'succeeded')
    assert.match(outcome.output ?? '', /cut after 65536 bytes/)
    assert.ok(bodyOf(outcome).length <= 64 * 1024)
    assert.ok(grownMiB < 150, `${grownMiB} MiB more`)
    await target.allClosed()
  })
}

test('a target that is slow, but within the limit, succeeds', async (t) => {
  const { target, call } = await setup(t)
  target.behave('/', { does: 'slow', value: 200 })
  assert.equal((await call('/')).state, 'succeeded')
})

test("a job's limit is the shorter one, and the one of an action that names none", async (t) => {
  const { target, call } = await setup(t)
  target.behave('/', { does: 'hang' })
  for (const timeout_ms of [60_000, undefined]) {
    const outcome = await call('/', { timeout_ms }, { job: limited(target, timeout_ms) })
    assert.equal(outcome.error?.code, 'TIMEOUT')
  }
})

function limited(target: Target, timeout_ms: number | undefined) {
  return { timeoutMs: 100, action: { type: 'http', url: target.url, ...(timeout_ms ? { timeout_ms } : {}) } }
}

test('a port where nobody listens is CONNECTION_REFUSED', async (t) => {
  const { call } = await setup(t)
  const server = await listen(t, () => undefined)
  const url = urlOf(server)
  server.close()
  await once(server, 'close')
  const outcome = await call(`${url}/?token=secret`)
  assert.equal(outcome.error?.code, 'CONNECTION_REFUSED')
  assert.equal(outcome.error.message, `target ${url} refused the connection (ECONNREFUSED)`)
})

test('a name that does not resolve is DNS_FAILED', async (t) => {
  const { call } = await setup(t)
  // Top-level domain `invalid`: RFC 6761 says that it resolves nowhere.
  const outcome = await call('http://nobody.invalid/')
  assert.equal(outcome.error?.code, 'DNS_FAILED')
})

test('plain HTTP where TLS was expected is TLS_FAILED', async (t) => {
  const { target, call } = await setup(t)
  const outcome = await call(target.url.replace('http:', 'https:'))
  assert.equal(outcome.error?.code, 'TLS_FAILED')
})

test('a target that drips its headers for ever is given up at the limit', async (t) => {
  const { call } = await setup(t)
  const server = await listen(t, (socket) => {
    socket.write('HTTP/1.1 200 OK\r\n')
    const drip = setInterval(() => socket.write('x'), 20)
    socket.on('close', () => clearInterval(drip))
  })
  const outcome = await call(urlOf(server), { timeout_ms: 200 })
  assert.equal(outcome.error?.code, 'TIMEOUT')
})

/** A server that speaks no HTTP of its own. */
async function listen(t: TestContext, serve: (socket: Socket) => void) {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    serve(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return server
}

function urlOf(server: ReturnType<typeof createServer>): string {
  const address = server.address()
  assert.ok(address && typeof address === 'object')
  return `http://127.0.0.1:${address.port}`
}
