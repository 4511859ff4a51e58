import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { createServer as createTlsServer } from 'node:tls'
import { createOutbound } from '../../src/outbound/index.ts'
import { certificate } from './certificate.ts'
import { codeOf, serve } from './setup.ts'

const loopback = ['127.0.0.0/8', '::1']

/** A server that takes connections and says `hello`; `taken` are those it has. */
async function greet(t: TestContext, greeting = 'hello') {
  const taken: Socket[] = []
  const server = createServer((socket) => {
    taken.push(socket)
    socket.on('error', () => undefined).write(greeting)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of taken) socket.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, server, taken }
}

function closed(socket: Socket | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (!socket || socket.closed) resolve()
    else socket.resume().once('close', () => resolve())
  })
}

async function hear(socket: Socket): Promise<string> {
  const [chunk] = await once(socket, 'data')
  socket.destroy()
  return String(chunk)
}

test('a raw connection to what is allowed carries bytes, by address and by name', async (t) => {
  const { port } = await greet(t)
  const outbound = createOutbound({ allow: loopback, own: [], lookup: async () => ['127.0.0.1'] })
  assert.equal(await hear(await outbound.connect({ host: '127.0.0.1', port })), 'hello')
  assert.equal(await hear(await outbound.connect({ host: 'mail.example', port })), 'hello')
})

test('of several allowed addresses the one that answers is connected to', async (t) => {
  const { port } = await greet(t)
  const outbound = createOutbound({ allow: loopback, own: [], lookup: async () => ['::1', '127.0.0.1'] })
  assert.equal(await hear(await outbound.connect({ host: 'mail.example', port })), 'hello')
})

test('who is connected to in the end is checked too, before a byte is sent', async (t) => {
  const { port, server } = await greet(t, '')
  const outbound = createOutbound({
    ...{ allow: [], own: [] },
    lookup: async () => ['93.184.215.14'],
    // what a wrong route, or an address that is translated on the way, would do
    dial: () => connect(port, '127.0.0.1'),
  })
  for (const tls of [false, true]) {
    const accepted = once(server, 'connection')
    await assert.rejects(outbound.connect({ host: 'public.example', port, tls }), {
      code: 'TARGET_FORBIDDEN',
    })
    const [socket] = (await accepted) as [Socket]
    await closed(socket)
    assert.equal(socket.bytesRead, 0)
  }
})

test('with TLS the certificate has to be one for the host that was named', async (t) => {
  const names: unknown[] = []
  const server = createTlsServer(certificate, (socket) => {
    names.push(socket.servername)
    socket.on('error', () => undefined).write('hello')
  })
  server.on('tlsClientError', () => undefined).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const outbound = createOutbound({ allow: loopback, own: [], lookup: async () => ['127.0.0.1'] })
  const tls = { ca: certificate.cert }
  assert.equal(await hear(await outbound.connect({ host: 'Mail.Example.', port, tls })), 'hello')
  assert.deepEqual(names, ['mail.example'])
  await assert.rejects(outbound.connect({ host: 'other.example', port, tls }), {
    code: 'ERR_TLS_CERT_ALTNAME_INVALID',
  })
  await assert.rejects(outbound.connect({ host: '127.0.0.1', port, tls }), {
    code: 'ERR_TLS_CERT_ALTNAME_INVALID',
  })
  await assert.rejects(outbound.connect({ host: 'mail.example', port, tls: true }), {
    code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
  })
})

test('https goes through the same door: by TLS, as HTTP/1.1, and only with a certificate that is trusted', async (t) => {
  const offered: unknown[] = []
  const server = createTlsServer({
    ...certificate,
    ALPNCallback: ({ protocols }) => void offered.push(protocols),
  })
  server.on('tlsClientError', () => undefined).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const line = createOutbound({ allow: loopback, own: [], lookup: async () => ['127.0.0.1'] }).line()
  t.after(() => line.close())
  const { port } = server.address() as AddressInfo
  const code = await line.fetch(`https://mail.example:${port}/`).then(() => 'answered', codeOf)
  assert.ok(
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL'].includes(code),
    code,
  )
  assert.deepEqual(offered, [['http/1.1']])
})

test('an attempt to connect ends in time, wherever it hangs: look-up, connection or TLS', async (t) => {
  const { port, taken } = await greet(t, '')
  const parts = { allow: loopback, own: [], connectTimeoutMs: 50 }
  const inLookup = createOutbound({ ...parts, lookup: () => new Promise<never>(() => undefined) })
  await assert.rejects(inLookup.connect({ host: 'slow.example', port }), { code: 'ETIMEDOUT' })
  const inTls = createOutbound(parts)
  await assert.rejects(inTls.connect({ host: '127.0.0.1', port, tls: true }), { code: 'ETIMEDOUT' })
  await closed(taken[0])
})

test('an attempt to connect ends when its signal aborts, and leaves no connection behind', async (t) => {
  const { port, taken } = await greet(t, '')
  const outbound = createOutbound({ allow: loopback, own: [] })
  const stop = new AbortController()
  const attempt = outbound.connect({ host: '127.0.0.1', port, tls: true, signal: stop.signal })
  const ended = assert.rejects(attempt, { message: 'enough' })
  const waiting = setInterval(() => taken.length > 0 && stop.abort(new Error('enough')), 1)
  await ended
  clearInterval(waiting)
  await closed(taken[0])
  await assert.rejects(outbound.connect({ host: '127.0.0.1', port, signal: stop.signal }), {
    message: 'enough',
  })
})

test('closing a line ends what it is connecting', async (t) => {
  const { port, server } = await greet(t, '')
  const line = createOutbound({ allow: loopback, own: [], connectTimeoutMs: 60_000 }).line()
  const accepted = once(server, 'connection')
  const call = assert.rejects(line.fetch(`https://127.0.0.1:${port}/`))
  const [socket] = (await accepted) as [Socket]
  await line.close()
  await closed(socket)
  await call
})

test('what is refused says who, why and what would do, and nothing of the path', async () => {
  const line = createOutbound({ allow: [], own: ['https://chronos.example'] }).line()
  const messages: string[] = []
  for (const host of ['10.0.0.1', 'db.internal', '169.254.169.254', 'chronos.example'])
    await line
      .fetch(`http://${host}/path?token=x`)
      .catch((error: Error) => messages.push((error.cause as Error).message))
  await line.close()
  assert.deepEqual(messages, [
    'host 10.0.0.1 has no public address (private). To allow it, add it to TARGET_ALLOW',
    'host db.internal is a name of a private network. To allow it, add it to TARGET_ALLOW',
    'host 169.254.169.254 has a platform address (metadata, link-local). To allow it, add this exact address to TARGET_ALLOW',
    'host chronos.example is this service itself or NAS, which may not be called',
  ])
})

test('a proxy of the environment is not used: it would look up names for itself', async (t) => {
  const proxy = await serve(t, (_request, response) => response.end('proxied'))
  const program = `
    import { createOutbound } from './src/outbound/index.ts'
    const line = createOutbound({ allow: [], own: [], lookup: async () => ['10.0.0.1'] }).line()
    const say = (error) => console.log(error.cause?.code)
    await line.fetch('http://public.example/').then(() => console.log('answered'), say)
    await line.fetch('https://public.example/').then(() => console.log('answered'), say)
    await line.close()`
  const env = {
    ...process.env,
    NODE_USE_ENV_PROXY: '1',
    HTTP_PROXY: proxy.url,
    HTTPS_PROXY: proxy.url,
    NO_PROXY: '',
  }
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    ...{ env, encoding: 'utf8', timeout: 20_000 },
  })
  assert.equal(stdout, 'TARGET_FORBIDDEN\nTARGET_FORBIDDEN\n')
})

for (const host of ['127.0.0.1', '::1']) {
  test(`a call of ${host} is answered over a connection of its own`, async (t) => {
    const target = await serve(t, (_request, response) => response.end('hi'), host).catch(() => null)
    if (!target) return t.skip(`${host} cannot be listened on here`)
    const line = createOutbound({ allow: loopback, own: [] }).line()
    assert.equal(await (await line.fetch(target.url)).text(), 'hi')
    assert.equal(await (await line.fetch(target.url)).text(), 'hi')
    await line.close()
    assert.equal(new Set(target.calls.map(({ socket }) => socket)).size, 2)
    assert.deepEqual(
      target.calls.map(({ headers }) => headers.connection),
      ['close', 'close'],
    )
  })
}
