import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  createNasClient,
  createStaticToken,
  createTokenThenLogin,
  expiryOf,
} from '../../src/timers/nas/index.ts'
import { callbackUrl, collectLog, jobId, oddPortal, setup, userAgent } from './setup.ts'

const hour = 3_600_000
const inAnHour = () => new Date(Math.ceil(Date.now() / 1000) * 1000 + hour)

test('a provision arms the instant, and the list gives it back', async (t) => {
  const { nas, client } = await setup(t)
  const fireAt = new Date(inAnHour().getTime() + 123)
  const answer = await client.provision({ jobId, fireAt, callbackUrl })
  assert.ok(answer.ok)
  const { scheduleId } = answer.value
  assert.ok(scheduleId)
  assert.deepEqual(await client.list(), { ok: true, value: [{ jobId, fireAtMs: fireAt.getTime() }] })
  assert.equal(nas.armed().length, 1)
})

test('a second provision replaces the first, the same again changes nothing', async (t) => {
  const { client } = await setup(t)
  const [early, late] = [inAnHour(), new Date(inAnHour().getTime() + hour)]
  await client.provision({ jobId, fireAt: early, callbackUrl })
  const second = await client.provision({ jobId, fireAt: late, callbackUrl })
  const again = await client.provision({ jobId, fireAt: late, callbackUrl })
  assert.deepEqual(again, second)
  const list = await client.list()
  assert.deepEqual(list.ok && list.value?.map((row) => row.fireAtMs), [late.getTime()])
})

test('a cancel disarms, and may be repeated', async (t) => {
  const { nas, client } = await setup(t)
  await client.provision({ jobId, fireAt: inAnHour(), callbackUrl })
  assert.deepEqual(await client.cancel(jobId), { ok: true, value: null })
  assert.deepEqual(await client.cancel(jobId), { ok: true, value: null })
  assert.deepEqual(nas.armed(), [])
})

test('instants are compared as instants, whatever offset NAS writes them with', async (t) => {
  const { nas, client } = await setup(t)
  await nas.misbehave('reformat_fire_at', '+05:30')
  const fireAt = inAnHour()
  await client.provision({ jobId, fireAt, callbackUrl })
  const list = await client.list()
  assert.deepEqual(list.ok && list.value?.map((row) => row.fireAtMs), [fireAt.getTime()])
})

test('a request says who we are and what we want, in the form of the contract', async (t) => {
  const { seen, client } = await oddPortal(t, (response) => response.end('{"schedule_id":"s1"}'))
  const fireAt = new Date('2026-06-18T12:34:56Z')
  await client.provision({ jobId, fireAt, callbackUrl })
  await client.provision({ jobId, fireAt: new Date('2026-06-18T12:34:56.789Z'), callbackUrl })
  const [first, second] = seen
  assert.equal(first?.request.method, 'POST')
  assert.equal(first?.request.url, '/api/agent-cron/provision')
  const { authorization, accept, 'user-agent': agent, 'content-type': type } = first?.request.headers ?? {}
  assert.deepEqual(
    [authorization, accept, agent, type],
    ['Bearer t', 'application/json', userAgent, 'application/json'],
  )
  assert.deepEqual(JSON.parse(first?.body ?? ''), {
    job_id: jobId,
    fire_at: '2026-06-18T12:34:56+00:00',
    agent_callback_url: callbackUrl,
    dedup_key: `${jobId}:2026-06-18T12:34:56+00:00`,
  })
  assert.match(second?.body ?? '', /"fire_at":"2026-06-18T12:34:56\.789\+00:00"/)
})

test('403 invalid_client is permanent: said once, and nothing is called any more', async (t) => {
  const { nas, client, log } = await setup(t)
  await nas.misbehave('answer', '403')
  const answer = await client.list()
  assert.deepEqual(!answer.ok && [answer.kind, answer.code, answer.status], [
    'refused',
    'NAS_INVALID_CLIENT',
    403,
  ])
  await nas.behave()
  assert.deepEqual(await client.provision({ jobId, fireAt: inAnHour(), callbackUrl }), answer)
  assert.deepEqual(client.refusal(), answer)
  assert.equal(nas.requests().length, 1)
  assert.equal(log.lines.filter((line) => line.level === 'error').length, 1)
})

test('a static token that is not accepted is refused with its own code, after one request', async (t) => {
  const { nas, client } = await setup(t, { token: 'wrong' })
  const answer = await client.list()
  assert.deepEqual(!answer.ok && [answer.kind, answer.code, answer.status], [
    'refused',
    'NAS_TOKEN_REJECTED',
    401,
  ])
  assert.equal(nas.requests().length, 1)
})

test('after a 401 a renewed token is tried once, and if that fails too it is no verdict on the agent', async (t) => {
  const { nas, connect } = await setup(t)
  const tokens = ['old', nas.accessToken]
  const gone: string[] = []
  const get = () =>
    Promise.resolve({ ok: true as const, value: tokens[gone.length] ?? `other-${gone.length}` })
  const client = connect({
    get,
    invalidate: (token) => void gone.push(token),
    session: () => 'valid' as const,
  })
  assert.ok((await client.list()).ok)
  assert.deepEqual(gone, ['old'])
  gone.push('skip')
  const answer = await client.list()
  assert.deepEqual(!answer.ok && [answer.kind, answer.code], ['transient', 'NAS_TOKEN_REJECTED'])
  assert.equal(client.refusal(), null)
  assert.equal(nas.requests('list').length, 4)
})

const statuses = [
  ['500', 'transient', 'NAS_FAILED', 500],
  ['502', 'transient', 'NAS_FAILED', 502],
  ['429', 'transient', 'NAS_BUSY', 429],
  ['firewall', 'transient', 'NAS_FAILED', 403],
] as const

for (const [word, kind, code, status] of statuses) {
  test(`an answer of ${word} is ${kind}, and not retried in here`, async (t) => {
    const { nas, client } = await setup(t)
    await nas.misbehave('answer', word)
    const answer = await client.provision({ jobId, fireAt: inAnHour(), callbackUrl })
    assert.deepEqual(!answer.ok && [answer.kind, answer.code, answer.status], [kind, code, status])
    assert.equal(nas.requests().length, 1)
    await nas.behave()
    assert.ok((await client.provision({ jobId, fireAt: inAnHour(), callbackUrl })).ok)
  })
}

for (const answer of ['201', '204', 'empty', 'no_id', 'text']) {
  test(`a provision that is answered ${answer} is armed`, async (t) => {
    const { nas, client } = await setup(t)
    await nas.misbehave('provision_answer', answer)
    const done = await client.provision({ jobId, fireAt: inAnHour(), callbackUrl })
    assert.ok(done.ok)
    assert.equal(typeof done.value.scheduleId, answer === '201' ? 'string' : 'object')
    assert.equal(nas.armed().length, 1)
  })
}

test('a page with status 200 is not from NAS: nothing is armed', async (t) => {
  const { client } = await oddPortal(t, (response) => response.end('\n<!doctype html><p>Back soon'))
  const answer = await client.provision({ jobId, fireAt: inAnHour(), callbackUrl })
  assert.deepEqual(!answer.ok && [answer.kind, answer.code], ['transient', 'NAS_UNREADABLE'])
})

test('a schedule_id that is no short word, or that repeats the token, is as good as none', async (t) => {
  const token = 'a-token-of-some-length-0123456789'
  const odd = ['a\u0000b', '\ud83d', 'x'.repeat(60_000), 'two words', '', `s-${token}`, 7, { a: 1 }, 'sch_1']
  const { client } = await oddPortal(
    t,
    (response, seen) => response.end(JSON.stringify({ schedule_id: odd[seen.length - 1] })),
    token,
  )
  const found: (string | null | false)[] = []
  for (const _ of odd) {
    const answer = await client.provision({ jobId, fireAt: inAnHour(), callbackUrl })
    found.push(answer.ok && answer.value.scheduleId)
  }
  assert.deepEqual(found, [null, null, null, null, null, null, '7', null, 'sch_1'])
})

for (const body of ['{"error":"not_found"}', '<h1>Not Found</h1>', '']) {
  test(`a list that is 404 with ${body || 'nothing'} does not exist, and that is no failure`, async (t) => {
    const { client } = await oddPortal(t, (response) => response.writeHead(404).end(body))
    assert.deepEqual(await client.list(), { ok: true, value: null })
  })
}

test('a token endpoint that is 404 says nothing of the list', async (t) => {
  const { connect } = await setup(t)
  const answer = {
    ok: false,
    kind: 'transient',
    code: 'LOGIN_FAILED',
    message: 'answered 404',
    status: 404,
  } as const
  const client = connect({
    get: () => Promise.resolve(answer),
    invalidate: () => {},
    session: () => 'valid' as const,
  })
  assert.deepEqual(await client.list(), answer)
})

test('a static token that is a JWT is alive until its exp, and one without it for ever', async (t) => {
  const { connect } = await setup(t)
  const jwt = (claims: object) =>
    ['{"alg":"none"}', JSON.stringify(claims), 'x']
      .map((part) => Buffer.from(part).toString('base64url'))
      .join('.')
  let now = new Date('2026-06-18T12:00:00Z')
  const exp = now.getTime() / 1_000 + 900
  const client = connect(createStaticToken(jwt({ exp }), () => now))
  assert.deepEqual(expiryOf(jwt({ exp })), new Date('2026-06-18T12:15:00Z'))
  assert.equal(client.session(), 'valid')
  now = new Date('2026-06-18T12:15:00Z')
  assert.equal(client.session(), 'unknown')
  for (const token of ['opaque', 'a.b.c', jwt({}), jwt({ exp: 'soon' }), '..'])
    assert.deepEqual([expiryOf(token), connect(createStaticToken(token)).session()], [null, 'valid'], token)
})

test('what NAS says of the token ends the session; a failure that may pass does not, nor a refusal of the agent', async (t) => {
  const { nas, client, connect } = await setup(t)
  for (const word of ['500', '429', 'firewall']) {
    await nas.misbehave('answer', word)
    await client.list()
    assert.equal(client.session(), 'valid', word)
  }
  await nas.misbehave('answer', '403')
  await client.list()
  assert.equal(client.session(), 'unknown')
  await nas.behave()
  const rejected = connect(createStaticToken('another'))
  await rejected.list()
  assert.equal(rejected.session(), 'terminal')
})

test('a static token beside a login is used until NAS refuses it, and the login from then on', async (t) => {
  const { nas, connect } = await setup(t)
  const given: string[] = []
  const login = {
    get: () => Promise.resolve({ ok: true as const, value: nas.accessToken }),
    invalidate: (token: string) => void given.push(token),
    session: () => 'valid' as const,
  }
  const client = connect(createTokenThenLogin('spent', login))
  assert.ok((await client.list()).ok)
  assert.ok((await client.list()).ok)
  assert.deepEqual(
    nas.requests('list').map(({ status }) => status),
    [401, 200, 200],
  )
  assert.deepEqual(
    [client.refusal(), given],
    [null, []],
    'a single 401 is no verdict where a refresh is possible',
  )
})

test('an instant that is too far ahead is rejected: this request is wrong, the agent is not', async (t) => {
  const { nas, client } = await setup(t)
  await nas.misbehave('max_horizon', '1h')
  const answer = await client.provision({ jobId, fireAt: new Date(Date.now() + 48 * hour), callbackUrl })
  assert.deepEqual(!answer.ok && [answer.kind, answer.code, answer.status], ['rejected', 'NAS_REJECTED', 422])
  assert.equal(client.refusal(), null)
})

test('a Retry-After is handed on in milliseconds, an hour at most', async (t) => {
  const { client } = await oddPortal(t, (response, seen) => {
    const inAMinute = new Date(Date.now() + 60_000).toUTCString()
    const values = ['30', '999999', inAMinute, 'soon']
    response.writeHead(429, { 'retry-after': values[seen.length - 1] ?? '' }).end('{}')
  })
  const waits: (number | undefined)[] = []
  for (let count = 0; count < 4; count += 1) {
    const answer = await client.list()
    assert.ok(!answer.ok)
    waits.push(answer.retryAfterMs)
  }
  assert.deepEqual([waits[0], waits[1], waits[3]], [30_000, 3_600_000, undefined])
  assert.ok((waits[2] ?? 0) > 50_000 && (waits[2] ?? 0) <= 60_000)
})

test('a portal that nobody runs is unreachable: nothing was received', async (t) => {
  const { nas, client } = await setup(t)
  await nas.misbehave('down', 'refuse')
  const answer = await client.provision({ jobId, fireAt: inAnHour(), callbackUrl })
  assert.deepEqual(!answer.ok && [answer.kind, answer.code], ['transient', 'NAS_UNREACHABLE'])
})

test('an answer that gets lost is told apart from a call that never went out', async (t) => {
  const { nas, client } = await setup(t)
  await nas.misbehave('lose_answer')
  const answer = await client.provision({ jobId, fireAt: inAnHour(), callbackUrl })
  assert.deepEqual(!answer.ok && [answer.kind, answer.code], ['transient', 'NAS_ANSWER_LOST'])
  assert.equal(nas.armed().length, 1)
})

test('an answer that does not come, or does not end, is given up in time', async (t) => {
  const { nas, client } = await setup(t, { timeoutMs: 150 })
  await nas.misbehave('slow', '30s')
  const answer = await client.list()
  assert.deepEqual(!answer.ok && [answer.kind, answer.code], ['transient', 'NAS_TIMEOUT'])
  const odd = await oddPortal(t, (response) => void response.writeHead(200).write('{"armed":['))
  const quick = createNasClient({
    portalUrl: odd.url,
    accessToken: createStaticToken('t'),
    userAgent,
    log: odd.log,
    timeoutMs: 150,
  })
  const second = await quick.list()
  assert.deepEqual(!second.ok && [second.kind, second.code], ['transient', 'NAS_TIMEOUT'])
})

test('a call that its caller gives up ends at once', async (t) => {
  const { client } = await oddPortal(t, () => undefined)
  const answer = await client.list(AbortSignal.timeout(50))
  assert.deepEqual(!answer.ok && [answer.kind, answer.code], ['transient', 'NAS_ABORTED'])
})

test('rows that cannot be read are left out of the list, and counted in the log', async (t) => {
  const at = '2026-06-18T12:34:56.123456+02:00'
  const good = { job_id: jobId, fire_at: at, schedule_id: 's1', note: 'new field' }
  const rows = [
    good,
    null,
    7,
    [],
    {},
    { job_id: 7, fire_at: at },
    { job_id: jobId, fire_at: 'soon' },
    { job_id: 'b', fire_at: at },
  ]
  const { client, log } = await oddPortal(t, (response) =>
    response.end(JSON.stringify({ armed: rows, more: 1 })),
  )
  const fireAtMs = Date.parse('2026-06-18T10:34:56.123Z')
  assert.deepEqual(await client.list(), {
    ok: true,
    value: [
      { jobId, fireAtMs },
      { jobId: 'b', fireAtMs },
    ],
  })
  assert.deepEqual(
    log.lines.map((line) => line.fields),
    [{ skipped: 6, read: 2 }],
  )
})

for (const body of ['', '[]', '{}', '{"armed":{}}', '{"armed":', 'null']) {
  test(`a list of ${body || 'nothing'} is transient, not an empty list`, async (t) => {
    const { client } = await oddPortal(t, (response) => response.end(body))
    const answer = await client.list()
    assert.deepEqual(!answer.ok && [answer.kind, answer.code], ['transient', 'NAS_UNREADABLE'])
  })
}

test('an answer without end is cut off', async (t) => {
  const { client } = await oddPortal(t, (response) =>
    response.end(`{"schedule_id":"${'x'.repeat(100_000)}"}`),
  )
  const answer = await client.provision({ jobId, fireAt: inAnHour(), callbackUrl })
  assert.deepEqual(!answer.ok && [answer.kind, answer.code], ['transient', 'NAS_UNREADABLE'])
})

test('a redirect is not followed, so that the token goes to nobody else', async (t) => {
  const elsewhere = await oddPortal(t, (response) => response.end('{"armed":[]}'))
  const { client } = await oddPortal(t, (response) =>
    response.writeHead(307, { location: elsewhere.url }).end(),
  )
  const answer = await client.list()
  assert.deepEqual(!answer.ok && [answer.kind, answer.status], ['transient', 307])
  assert.equal(elsewhere.seen.length, 0)
})

test('what NAS says goes into the message cut short and without control characters', async (t) => {
  const said = JSON.stringify({ error: `line\nbreak\u001b[31m${'x'.repeat(500)}` })
  const { client } = await oddPortal(t, (response) => response.writeHead(400).end(said))
  const answer = await client.list()
  assert.ok(!answer.ok && answer.kind === 'rejected')
  assert.match(answer.message, /^answered 400: line break \[31mx+$/)
  assert.ok(answer.message.length < 230)
})

test('the token is sent over https, or to this machine, and nowhere else', () => {
  const make = (portalUrl: string) => () =>
    createNasClient({ portalUrl, accessToken: createStaticToken('t'), userAgent, log: collectLog() })
  for (const url of [
    'http://nas.test',
    'http://127.0.0.1.evil.test',
    'http://10.0.0.1',
    'ftp://nas.test',
    'nas',
    '',
  ]) {
    assert.throws(make(url), /must use https, or http to loopback/)
  }
  for (const url of ['https://nas.test/', 'http://127.0.0.1:1', 'http://localhost:1', 'http://[::1]:1'])
    make(url)()
})

test('no log line and no message holds the token', async (t) => {
  const { nas, client, log } = await setup(t, { token: 'very-secret-token' })
  const answers: unknown[] = [await client.list()]
  await nas.misbehave('down', 'reset')
  answers.push(await client.cancel(jobId))
  assert.ok(!JSON.stringify([answers, log.lines]).includes('very-secret'))
})
