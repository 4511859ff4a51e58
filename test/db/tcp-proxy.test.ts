import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { after, beforeEach, test } from 'node:test'
import { startTcpProxy } from '../../dev/tcp-proxy/index.ts'

// The target answers each line with the same line in capitals, and remembers it.
const heard: string[] = []
const target = createServer((socket) => {
  socket.on('error', () => {})
  socket.on('data', (bytes) => {
    heard.push(String(bytes))
    socket.write(String(bytes).toUpperCase())
  })
}).listen(0, '127.0.0.1')
await once(target, 'listening')
const address = target.address()
assert.ok(address !== null && typeof address === 'object')
const { port } = address
const proxy = await startTcpProxy({ target: { host: '127.0.0.1', port } })
const clients: Socket[] = []

beforeEach(() => proxy.setMode('pass'))
after(async () => {
  for (const client of clients) client.destroy()
  await proxy.close()
  target.close()
})

async function dial(): Promise<Socket> {
  const client = connect(proxy.port, '127.0.0.1')
  clients.push(client)
  client.on('error', () => {})
  await once(client, 'connect')
  return client
}

async function ask(client: Socket, text: string): Promise<string> {
  client.write(text)
  return String((await once(client, 'data'))[0])
}

async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'none',
    (error: unknown): unknown => Reflect.get(Object(error), 'code'),
  )
}

test('pass: bytes go both ways and are counted', async () => {
  const client = await dial()
  assert.equal(await ask(client, 'hello'), 'HELLO')
  assert.deepEqual(proxy.counters().connections.at(-1), { toTarget: 5, toClient: 5, questions: 1 })
})

test('refuse: open connections are reset and new ones refused, until the mode changes', async () => {
  const client = await dial()
  await ask(client, 'x')
  const lost = failure(once(client, 'close'))
  await proxy.setMode('refuse')
  assert.equal(await lost, 'ECONNRESET')
  assert.equal(await failure(dial()), 'ECONNREFUSED')
  await proxy.setMode('pass')
  assert.equal(await ask(await dial(), 'again'), 'AGAIN')
})

test('reset: an open connection is reset at once', async () => {
  const client = await dial()
  await ask(client, 'x')
  const lost = failure(once(client, 'data'))
  await proxy.setMode('reset')
  assert.equal(await lost, 'ECONNRESET')
})

test('close_at_startup: a new connection is closed at its first bytes, an open one passes', async () => {
  const before = await dial()
  await ask(before, 'x')
  await proxy.setMode('close_at_startup')
  const client = await dial()
  client.write('hello')
  client.resume()
  await once(client, 'end')
  assert.equal(await ask(before, 'still'), 'STILL')
})

test('black_hole: nothing comes back while it lasts, everything afterwards', async () => {
  const client = await dial()
  await ask(client, 'x')
  await proxy.setMode('black_hole')
  const heardBefore = heard.length
  const reply = ask(client, 'anyone')
  const first = await Promise.race([reply, new Promise((wake) => setTimeout(wake, 60, 'silence'))])
  assert.equal(first, 'silence')
  assert.equal(heard.length, heardBefore)
  await proxy.setMode('pass')
  assert.equal(await reply, 'ANYONE')
})

test('slow: each way takes the time it is told to', async () => {
  const client = await dial()
  await ask(client, 'x')
  await proxy.setMode({ kind: 'slow', ms: 30 })
  const startedAt = performance.now()
  assert.equal(await ask(client, 'late'), 'LATE')
  assert.ok(performance.now() - startedAt >= 55)
})

test('slow: a new connection costs a round trip too, and what comes meanwhile stays in its order', async () => {
  await proxy.setMode({ kind: 'slow', ms: 30 })
  const startedAt = performance.now()
  const client = await dial()
  client.write('one ')
  setTimeout(() => client.write('two'), 20)
  let said = ''
  while (said.length < 7) said += String((await once(client, 'data'))[0])
  assert.equal(said, 'ONE TWO')
  assert.ok(performance.now() - startedAt >= 115)
})

test('lose_reply: one request arrives, its reply does not, and the next connection is well', async () => {
  const client = await dial()
  await ask(client, 'x')
  await proxy.setMode('lose_reply')
  assert.equal(await failure(ask(client, 'write this')), 'ECONNRESET')
  assert.equal(heard.at(-1), 'write this')
  assert.equal(await ask(await dial(), 'hello'), 'HELLO')
})
