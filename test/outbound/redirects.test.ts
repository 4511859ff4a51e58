import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { createOutbound, followRedirects, type Hop, type RedirectRules } from '../../src/outbound/index.ts'
import { codeOf, serve } from './setup.ts'

type Moves = Record<string, { status: number; location?: string }>

/** Two origins that answer as `moves` says (`A` and `B` in a location are their URLs), 200 with what was asked else. */
async function setup(t: TestContext, moves: Moves) {
  const origins: Record<string, string> = {}
  const listener: Parameters<typeof serve>[1] = (request, response) => {
    const move = moves[request.url ?? '']
    if (move) {
      const location = move.location?.replace(/^[AB]\b/, (name) => origins[name] ?? '')
      response.writeHead(move.status, location === undefined ? {} : { location }).end('moved')
      return
    }
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => (body += text))
    request.on('end', () =>
      response.end(JSON.stringify({ method: request.method, headers: request.headers, body })),
    )
  }
  const [a, b] = [await serve(t, listener), await serve(t, listener)]
  origins['A'] = a.url
  origins['B'] = b.url
  const outbound = createOutbound({ allow: ['127.0.0.0/8'], own: [] })
  const line = outbound.line()
  t.after(() => line.close())

  async function follow(path: string, hop: Partial<Hop> = {}, rules: RedirectRules = {}) {
    const { url = new URL(path, a.url), method = 'GET', headers = new Headers(), body = null } = hop
    const send = (one: Hop) =>
      line.fetch(one.url, { method: one.method, headers: one.headers, body: one.body, redirect: 'manual' })
    const arrival = await followRedirects({ url, method, headers, body }, send, rules)
    const isEnd = arrival.response.status === 200 && method !== 'HEAD'
    const seen = isEnd ? JSON.parse(await arrival.response.text()) : null
    return { ...arrival, seen }
  }
  return { a, b, follow }
}

const methods: [status: number, method: string, becomes: string][] = [
  ...([301, 302] as const).flatMap((status): [number, string, string][] => [
    [status, 'POST', 'GET'],
    [status, 'PUT', 'PUT'],
    [status, 'GET', 'GET'],
    [status, 'HEAD', 'HEAD'],
  ]),
  [303, 'POST', 'GET'],
  [303, 'PUT', 'GET'],
  [303, 'HEAD', 'HEAD'],
  [307, 'POST', 'POST'],
  [308, 'POST', 'POST'],
  [308, 'DELETE', 'DELETE'],
]

for (const [status, method, becomes] of methods) {
  test(`after ${status} a ${method} goes on as ${becomes}`, async (t) => {
    const { a, follow } = await setup(t, { '/start': { status, location: '/end' } })
    const takesBody = method === 'POST' || method === 'PUT'
    const headers = new Headers(takesBody ? { 'content-type': 'text/csv' } : {})
    const body = takesBody ? 'a,b' : null
    const { redirects, url } = await follow('/start', { method, headers, body })
    assert.deepEqual([redirects, url.href], [1, `${a.url}/end`])
    const last = a.calls.at(-1)
    assert.equal(last?.method, becomes)
    assert.equal(last?.headers['content-type'], takesBody && becomes === method ? 'text/csv' : undefined)
    assert.equal(last?.headers['content-length'] ?? '0', takesBody && becomes === method ? '3' : '0')
  })
}

test('a body is sent again, whole, where the method stays', async (t) => {
  const { follow } = await setup(t, {
    '/start': { status: 307, location: '/next' },
    '/next': { status: 308, location: 'B/end' },
  })
  const { seen, redirects } = await follow('/start', {
    method: 'POST',
    body: new TextEncoder().encode('ä body'),
  })
  assert.deepEqual([seen.body, redirects], ['ä body', 2])
})

const secretOnes = {
  authorization: 'Bearer x',
  'proxy-authorization': 'Basic x',
  cookie: 'a=b',
  'x-api-key': 'x',
  'private-token': 'x',
  'x-mine': 'x',
}
const others = { 'x-plain': 'kept', accept: 'text/csv', 'idempotency-key': 'job:1' }

test('what belongs to an origin stays on it: credentials by name, and headers that came from a secret', async (t) => {
  const { a, b, follow } = await setup(t, {
    '/start': { status: 302, location: '/same' },
    '/same': { status: 302, location: 'B/other' },
    '/other': { status: 302, location: 'A/end' },
  })
  const headers = new Headers({ ...secretOnes, ...others })
  await follow('/start', { headers }, { secretHeaders: ['X-Mine'] })
  const paths = [...a.calls, ...b.calls].map(({ url, headers: sent }) => {
    const count = Object.keys(secretOnes).filter((name) => sent[name] !== undefined).length
    for (const [name, value] of Object.entries(others)) assert.equal(sent[name], value)
    return `${url} ${count}`
  })
  // Not even when a redirect leads back.
  assert.deepEqual(paths, ['/start 6', '/same 6', '/end 0', '/other 0'])
  assert.equal(headers.get('cookie'), 'a=b')
})

test('another port is another origin', async (t) => {
  const { b, follow } = await setup(t, { '/start': { status: 307, location: 'B/end' } })
  await follow('/start', { headers: new Headers({ authorization: 'Bearer x' }) })
  assert.equal(b.calls[0]?.headers.authorization, undefined)
})

test('a body with a secret goes to its own origin, and to no other', async (t) => {
  const { b, follow } = await setup(t, {
    '/same': { status: 307, location: '/end' },
    '/other': { status: 307, location: 'B/end' },
    '/see': { status: 303, location: 'B/end' },
  })
  const hop = { method: 'POST', body: 'secret' }
  assert.equal((await follow('/same', hop, { isBodySecret: true })).seen.body, 'secret')
  await assert.rejects(follow('/other', hop, { isBodySecret: true }), { code: 'REDIRECT_REFUSED' })
  assert.equal(b.calls.length, 0)
  assert.equal((await follow('/see', hop, { isBodySecret: true })).seen.body, '')
})

const toPrivate = [
  ...[
    'http://10.0.0.1/',
    'http://169.254.169.254/latest/meta-data',
    'http://[::]/',
    'http://localhost.internal/',
  ],
  ...['//10.0.0.1/', 'http://0xa000001/', '\\\\10.0.0.1\\x', 'http://[fe80::1]/'],
]

for (const location of toPrivate) {
  test(`a redirect to ${location} is refused where it points, and nobody is called`, async (t) => {
    const { a, follow } = await setup(t, { '/start': { status: 302, location } })
    const code = await follow('/start').then(() => 'answered', codeOf)
    assert.equal(code, 'TARGET_FORBIDDEN')
    assert.equal(a.calls.length, 1)
  })
}

const unfit = [
  ...[
    'ftp://example.com/',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'data:text/plain,x',
    'http://',
    'http://a b/',
  ],
  ...[
    'http://user:password@127.0.0.1/',
    'http://user@127.0.0.1/',
    'http://127.0.0.1:99999/',
    'gopher://127.0.0.1:25/',
  ],
]

for (const location of unfit) {
  test(`a redirect to ${location} is refused, and its text is not repeated`, async (t) => {
    const { a, follow } = await setup(t, { '/start': { status: 302, location } })
    await assert.rejects(follow('/start'), (error: Error) => {
      assert.equal(codeOf(error), 'REDIRECT_REFUSED')
      assert.doesNotMatch(error.message, /passw|alert|text\/plain|99999/)
      return true
    })
    assert.equal(a.calls.length, 1)
  })
}

test('a redirect from https to http is refused, one from http to https is not', async () => {
  const seen: string[] = []
  const answers = [
    new Response(null, { status: 302, headers: { location: 'https://example.com/' } }),
    new Response(null, { status: 302, headers: { location: 'http://example.com/plain' } }),
  ]
  const send = async ({ url, headers }: Hop) => {
    seen.push(`${url.href} ${headers.get('authorization')}`)
    return answers.shift() ?? new Response('end')
  }
  const headers = new Headers({ authorization: 'x' })
  const first = { url: new URL('http://example.com/'), method: 'GET', headers, body: null }
  await assert.rejects(followRedirects(first, send), { code: 'REDIRECT_REFUSED' })
  assert.deepEqual(seen, ['http://example.com/ x', 'https://example.com/ null'])
})

for (const most of [undefined, 1, 3]) {
  test(`a redirect loop ends after ${most ?? 5} redirects`, async (t) => {
    const { a, b, follow } = await setup(t, {
      '/start': { status: 302, location: 'B/back?token=secret' },
      '/back?token=secret': { status: 302, location: 'A/start' },
    })
    await assert.rejects(follow('/start', {}, most === undefined ? {} : { most }), (error: Error) => {
      assert.equal(codeOf(error), 'REDIRECT_LIMIT')
      assert.match(error.message, new RegExp(`more than ${most ?? 5} times`))
      assert.doesNotMatch(error.message, /secret|start/)
      return true
    })
    assert.equal(a.calls.length + b.calls.length, (most ?? 5) + 1)
  })
}

test('as many redirects as are allowed are followed', async (t) => {
  const moves: Moves = {}
  for (let n = 0; n < 5; n++) moves[`/${n}`] = { status: 302, location: String(n + 1) }
  const { follow } = await setup(t, moves)
  const { url, redirects } = await follow('/0')
  assert.deepEqual([url.pathname, redirects], ['/5', 5])
})

test('where none is to be followed, the redirect is the answer; so is one without a location', async (t) => {
  const { follow } = await setup(t, { '/start': { status: 302, location: '/end' }, '/bare': { status: 302 } })
  const kept = await follow('/start', {}, { most: 0 })
  assert.deepEqual([kept.response.status, kept.redirects, await kept.response.text()], [302, 0, 'moved'])
  assert.equal((await follow('/bare')).response.status, 302)
})

for (const status of [300, 304, 305, 306, 201]) {
  test(`${status} with a location is an answer, not a redirect`, async (t) => {
    const { a, follow } = await setup(t, { '/start': { status, location: '/end' } })
    assert.equal((await follow('/start')).response.status, status)
    assert.equal(a.calls.length, 1)
  })
}

test('a location beyond ASCII is read as UTF-8', async (t) => {
  const { a, follow } = await setup(t, {
    '/start': { status: 302, location: Buffer.from('/über').toString('latin1') },
  })
  await follow('/start')
  assert.equal(a.calls[1]?.url, '/%C3%BCber')
})

test('a line does not follow redirects by itself, whatever it is told', async (t) => {
  const { a } = await setup(t, { '/start': { status: 302, location: '/end' } })
  const line = createOutbound({ allow: ['127.0.0.0/8'], own: [] }).line()
  t.after(() => line.close())
  await assert.rejects(line.fetch(`${a.url}/start`, { redirect: 'follow' }), TypeError)
  assert.equal(a.calls.length, 1)
})
