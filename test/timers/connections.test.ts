import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, createServer as createPlain, request, type Server } from 'node:http'
import https from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { cert, key } from '../../dev/receivers/certificate.ts'
import { createConnections } from '../../src/timers/connections.ts'

/** As the shipped agents are, and with the sockets that it made. */
const dialled: Socket[] = []
class Plain extends Agent {
  override createConnection(...args: Parameters<Agent['createConnection']>) {
    const socket = super.createConnection(...args)
    dialled.push(socket as Socket)
    return socket
  }
}
/** The certificate of the stand-in is for another name, and signed by no one. */
class OverTls extends https.Agent {
  constructor(options: https.AgentOptions) {
    super({ ...options, ca: cert, checkServerIdentity: () => undefined })
  }
}

async function listen(t: TestContext, server: Server, port = 0) {
  const seen = { connections: 0 }
  server.on('connection', () => (seen.connections += 1))
  server.on('request', (_request, response) => response.end('{}'))
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = (scheme: string) => new URL(`${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  return { seen, url }
}

async function call(ask: typeof request, url: URL, agent: Agent): Promise<number | undefined> {
  const asked = ask(url, { agent }).end()
  const [response] = (await once(asked, 'response')) as [import('node:http').IncomingMessage]
  response.resume()
  await once(response, 'close')
  return response.statusCode
}

test('over TLS a call uses the connection that was opened before it, handshake done', async (t) => {
  const server = https.createServer({ key, cert })
  const { seen, url } = await listen(t, server)
  const { agent, open } = createConnections(OverTls)
  const secured = once(server, 'secureConnection')
  open(url('https'))
  open(url('https'))
  await secured
  assert.equal(await call(https.request, url('https'), agent), 200)
  assert.equal(seen.connections, 1)
  open(url('https'))
  assert.equal(await call(https.request, url('https'), agent), 200)
  assert.equal(seen.connections, 1)
  agent.destroy()
})

test('a call of another address opens its own', async (t) => {
  const [one, other] = [await listen(t, createPlain()), await listen(t, createPlain())]
  const { agent, open } = createConnections(Plain)
  open(one.url('http'))
  assert.equal(await call(request, other.url('http'), agent), 200)
  assert.equal(await call(request, one.url('http'), agent), 200)
  assert.deepEqual([one.seen.connections, other.seen.connections], [1, 1])
  agent.destroy()
})

test('a connection that did not come about, or was closed, is forgotten in silence', async (t) => {
  const server = createPlain()
  const { url, seen } = await listen(t, server)
  const { agent, open } = createConnections(Plain)
  server.once('connection', (socket: Socket) => socket.resetAndDestroy())
  const before = dialled.length
  open(url('http'))
  // `once` would reject with its error
  await new Promise<void>((closed) => dialled[before]?.on('close', () => closed()))
  assert.equal(await call(request, url('http'), agent), 200)
  assert.equal(seen.connections, 2)
  agent.destroy()
})
