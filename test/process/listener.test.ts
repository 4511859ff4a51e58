import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { AddressInfo } from 'node:net'
import { createListener } from '../../src/process/listener.ts'

async function setup(context: TestContext) {
  const listener = createListener()
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
