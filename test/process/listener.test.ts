import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test, type TestContext } from 'node:test'
import { type AddressInfo, connect } from 'node:net'
import { createListener } from '../../src/process/listener.ts'

async function setup(context: TestContext, acceptingMs?: number) {
  const listener = createListener(acceptingMs)
  await listener.listen({ host: '127.0.0.1', port: 0 })
  context.after(() => {
    listener.server.close()
    listener.server.closeAllConnections()
  })
  const url = `http://127.0.0.1:${(listener.server.address() as AddressInfo).port}`
  let isAnswered = false
  void listener.firstAnswered.then(() => {
    isAnswered = true
  })
  return { listener, call: (path: string) => fetch(url + path), isAnswered: () => isAnswered }
}

test('a call that comes before the program is loaded is the first one, once it has been answered', async (context) => {
  const { listener, call, isAnswered } = await setup(context)
  const early = call('/api/cron/fire')
  await new Promise((resolve) => listener.server.once('request', resolve))
  assert.equal(isAnswered(), false)
  listener.serve((_request, response) => response.end('ok'))
  assert.equal((await early).status, 200)
  await listener.firstAnswered
})

test('a check of the platform is not the call that started the machine', async (context) => {
  const { listener, call, isAnswered } = await setup(context)
  const answers: Promise<unknown>[] = []
  listener.serve((_request, response) => {
    answers.push(new Promise((resolve) => response.once('close', resolve)))
    response.writeHead(404).end()
  })
  assert.equal((await call('/healthz')).status, 404)
  await Promise.all(answers)
  assert.equal(isAnswered(), false)
  // whoever else it was: a stranger is answered too
  assert.equal((await call('/wp-login.php')).status, 404)
  await listener.firstAnswered
})

test('a first caller who is gone before the answer is not waited for', async (context) => {
  const { listener, isAnswered } = await setup(context)
  listener.serve((request) => request.socket.destroy())
  const { port } = listener.server.address() as AddressInfo
  await assert.rejects(fetch(`http://127.0.0.1:${port}/api/jobs`))
  await listener.firstAnswered
  assert.equal(isAnswered(), true)
})

/** So many connect at once, each with a request; how many were accepted when the first request was answered. */
async function crowd(context: TestContext, count: number, acceptingMs: number) {
  const { listener } = await setup(context, acceptingMs)
  let accepted = 0
  const seen: number[] = []
  listener.server.on('connection', () => void (accepted += 1))
  listener.serve((_request, response) => {
    seen.push(accepted)
    response.end()
  })
  const { port } = listener.server.address() as AddressInfo
  const answers = Array.from({ length: count }, () => {
    const socket = connect(port, '127.0.0.1')
    context.after(() => socket.destroy())
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    return new Promise((resolve) => socket.once('data', resolve))
  })
  await Promise.all(answers)
  assert.equal(seen.length, count)
  return seen[0]
}

test('of a crowd that connects at once all are accepted before the first of their requests costs time', async (context) => {
  assert.equal(await crowd(context, 40, Number.POSITIVE_INFINITY), 40)
})

test('no request waits longer than the limit for connections that come in', async (context) => {
  assert.ok(Number(await crowd(context, 40, 0)) < 40)
})

for (const host of ['127.0.0.1', 'localhost'])
  test(`a port at ${host} that is taken is said to be, and one that was closed is opened again`, async (context) => {
    const { listener } = await setup(context)
    const { port } = listener.server.address() as AddressInfo
    const other = createListener()
    await assert.rejects(other.listen({ host, port }), { code: 'EADDRINUSE' })
    listener.server.close()
    await once(listener.server, 'close')
    await other.listen({ host, port })
    await new Promise((resolve) => other.server.close(resolve))
    await listener.listen({ host, port })
    assert.equal((listener.server.address() as AddressInfo).port, port)
  })
