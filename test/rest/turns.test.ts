import assert from 'node:assert/strict'
import { EventEmitter, on, once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import Fastify from 'fastify'
import { takeTurns } from '../../routes/turns.ts'
import type { AppError } from '../../src/ground/errors.ts'

type Times = Parameters<typeof takeTurns>[1]['times']

/** A server whose large answers end when `finish` is called; the caller is whom the header names. */
async function setup(t: TestContext, times: Times = {}) {
  const open = new Set<() => void>()
  const seen = { most: 0, byCaller: new Map<string, number>(), mostOfOne: 0, bodies: 0 }
  let arrived = () => undefined as void
  const app = Fastify()
  app.setErrorHandler((error: AppError, _request, reply) =>
    reply.code(error.statusCode).send({ code: error.code, retryAfterS: error.retryAfterS }),
  )
  const caller = ({ headers }: { headers: object }) => String((headers as Record<string, string>)['x-caller'])
  takeTurns(app, { caller, turnOf: async ({ url }) => kindOf(url), times })
  app.get('/small', async () => 'small')
  app.get('/large', async (request, reply) => {
    const who = caller(request)
    seen.byCaller.set(who, (seen.byCaller.get(who) ?? 0) + 1)
    await new Promise<void>((resolve) => {
      open.add(resolve)
      reply.raw.once('close', () => open.delete(resolve))
      seen.most = Math.max(seen.most, open.size)
      seen.mostOfOne = Math.max(seen.mostOfOne, ...seen.byCaller.values())
      arrived()
    })
    seen.byCaller.set(who, (seen.byCaller.get(who) ?? 0) - 1)
    return 'large'
  })
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'string' },
    async (_request: unknown, body: string) => {
      seen.bodies += 1
      return body
    },
  )
  app.post('/file', async () => {
    await new Promise<void>((resolve) => {
      open.add(resolve)
      arrived()
    })
    return 'file'
  })
  const sending = new EventEmitter()
  app.get('/large/bytes', async (_request, reply) => {
    sending.emit('began')
    reply.raw.once('close', () => sending.emit('closed', reply.raw.writableFinished))
    return 'x'.repeat(32 * 1024 * 1024)
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  t.after(() => {
    for (const end of open) end()
    app.server.closeAllConnections()
    return app.close()
  })
  return {
    url,
    seen,
    sending,
    post: (who: string) =>
      fetch(`${url}/file`, {
        method: 'POST',
        body: '{}',
        headers: { 'x-caller': who, 'content-type': 'application/json' },
      }),
    get: (path: string, who: string) => fetch(url + path, { headers: { 'x-caller': who } }),
    /** Resolves when so many answers are being made. */
    async busy(count: number) {
      while (open.size < count) await new Promise<void>((resolve) => (arrived = resolve))
    },
    finishOne() {
      const [end] = open
      if (end) open.delete(end)
      end?.()
    },
  }
}

test('large answers are made four at a time, two for one caller, and all of them in the end', async (t) => {
  const { get, seen, busy, finishOne } = await setup(t)
  const asked = ['a', 'b', 'c'].flatMap((who) => Array.from({ length: 8 }, () => get('/large', who)))
  await busy(4)
  for (const _ of asked) {
    await busy(1)
    finishOne()
  }
  const statuses = await Promise.all(asked.map(async (answer) => (await answer).status))
  assert.deepEqual(new Set(statuses), new Set([200]))
  assert.ok(seen.most <= 4, `${seen.most} at once`)
  assert.ok(seen.mostOfOne <= 2, `${seen.mostOfOne} of one caller`)
})

test('who waits too long is told to retry, and nothing else waits', async (t) => {
  const { get, busy } = await setup(t, { waitMs: 50 })
  void get('/large', 'a').catch(() => undefined)
  void get('/large', 'a').catch(() => undefined)
  await busy(2)
  const refused = await get('/large', 'a')
  assert.equal(refused.status, 503)
  assert.deepEqual(await refused.json(), { code: 'LISTS_BUSY', retryAfterS: 5 })
  assert.equal((await get('/small', 'a')).status, 200)
  void get('/large', 'b').catch(() => undefined)
  await busy(3)
})

test('a client that goes away while it waits or is answered gives its turn back', async (t) => {
  const { url, get, busy, finishOne } = await setup(t)
  const clients = await Promise.all(Array.from({ length: 6 }, () => ask(url, '/large', 'a')))
  await busy(2)
  for (const client of clients) client.destroy()
  let isAnswered = false
  const answer = get('/large', 'a').finally(() => (isAnswered = true))
  while (!isAnswered) {
    await Promise.race([busy(1), answer])
    finishOne()
  }
  assert.equal((await answer).status, 200)
})

test('a client that takes its answer too slowly is cut off, and those behind it are answered', async (t) => {
  const { url, get, busy, finishOne, sending } = await setup(t, { sendMs: 200, waitMs: 10_000 })
  const [began, closed] = [on(sending, 'began'), on(sending, 'closed')]
  const slow = await Promise.all([ask(url, '/large/bytes', 'a'), ask(url, '/large/bytes', 'a')])
  const trickle = setInterval(() => slow.forEach((client) => void client.read(1_000)), 10)
  t.after(() => clearInterval(trickle))
  for (const _ of slow) await began.next()
  const answer = get('/large', 'a')
  await Promise.race([busy(1), answer])
  finishOne()
  assert.equal((await answer).status, 200)
  for (const _ of slow) assert.deepEqual((await closed.next()).value, [false], 'it was cut off')
})

test('files are read two at a time, one of each caller, and no body before its turn', async (t) => {
  const { get, post, seen, busy, finishOne } = await setup(t, { waitMs: 10_000 })
  const asked = ['a', 'a', 'b', 'b', 'c'].map(post)
  await busy(2)
  await get('/small', 'a')
  assert.equal(seen.bodies, 2, 'the others wait, and so do their bodies')
  for (const _ of asked) {
    await busy(1)
    finishOne()
  }
  const answers = await Promise.all(asked)
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]))
})

const kindOf = (url: string) => (url === '/file' ? 'file' : url.startsWith('/large') ? 'list' : null)

/** Asks and reads nothing. */
async function ask(url: string, path: string, who: string): Promise<Socket> {
  const { hostname, port } = new URL(url)
  const client = connect({ host: hostname, port: Number(port) })
  client.on('error', () => undefined)
  client.pause()
  await once(client, 'connect')
  client.write(`GET ${path} HTTP/1.1\r\nhost: x\r\nx-caller: ${who}\r\n\r\n`)
  return client
}
