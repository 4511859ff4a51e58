import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { createDatabase } from '../../db/client.ts'
import { createLoginStore } from '../../db/logins.ts'
import type { NasAnswer } from '../../src/timers/nas/answer.ts'
import { createNasClient } from '../../src/timers/nas/index.ts'
import { loginSetup } from './login-setup.ts'
import { oddPortal, userAgent } from './setup.ts'

const minute = 60_000

test('the first token comes by a refresh, and every later process finds it in the database', async (t) => {
  const { nas, start, refreshes, log } = await loginSetup(t)
  const token = value(await start().get())
  assert.equal(value(await start().get()), token)
  assert.equal(refreshes(), 1)
  const client = createNasClient({ portalUrl: nas.url, accessToken: start(), userAgent, log })
  assert.ok((await client.list()).ok)
})

test('within a process the token is asked of the database once', async (t) => {
  const { start, store } = await loginSetup(t)
  let reads = 0
  const login = start({ store: { ...store, read: () => ((reads += 1), store.read()) } })
  await Promise.all(Array.from({ length: 10 }, () => login.get()))
  const before = reads
  await login.get()
  assert.equal(reads, before)
  assert.ok(before <= 2, `${before} reads`)
})

test('tokens are stored sealed, and only their hashes in the clear', async (t) => {
  const { nas, start, sql, firstRefreshToken } = await loginSetup(t)
  const token = value(await start().get())
  const rows = JSON.stringify(await sql`select * from nas_login where client_id = ${nas.clientId}`)
  for (const secret of [token, firstRefreshToken, nas.refreshToken()]) assert.ok(!rows.includes(secret))
})

test('a token is renewed 60 s before its end, with the refresh token that came last', async (t) => {
  const { start, refreshes, later, nas } = await loginSetup(t)
  const login = start()
  const token = value(await login.get())
  later(14 * minute - 1_000)
  assert.equal(value(await login.get()), token)
  later(1_000)
  const second = value(await login.get())
  assert.notEqual(second, token)
  later(15 * minute)
  assert.notEqual(value(await start().get()), second)
  assert.equal(refreshes(), 3)
  assert.deepEqual(
    nas.requests('token').map((call) => call.status),
    [200, 200, 200],
  )
})

test('of ten processes that need a token at once, one refreshes and all get the same', async (t) => {
  const { start, refreshes } = await loginSetup(t)
  const answers = await Promise.all(Array.from({ length: 10 }, () => start().get()))
  assert.equal(new Set(answers.map(value)).size, 1)
  assert.equal(refreshes(), 1)
})

test('a token that NAS answered 401 to is renewed, by one of those who got that answer', async (t) => {
  const { start, refreshes } = await loginSetup(t)
  const logins = Array.from({ length: 5 }, () => start())
  const old = value(await (logins[0] ?? start()).get())
  for (const login of logins) login.invalidate(old)
  const tokens = await Promise.all(logins.map((login) => login.get()))
  assert.ok(tokens.every((answer) => value(answer) !== old))
  assert.equal(refreshes(), 2)
})

test('a refused login is said once, and no process asks again', async (t) => {
  const { nas, start, refreshes, errors } = await loginSetup(t)
  await nas.revokeLogin()
  const login = start()
  for (const each of [login, login, start(), start()]) {
    const answer = await each.get()
    assert.deepEqual(!answer.ok && [answer.kind, answer.code], ['refused', 'LOGIN_REFUSED'])
    assert.match(answer.ok ? '' : answer.message, /invalid_grant/)
  }
  assert.equal(refreshes(), 1)
  assert.equal(errors().length, 1)
  assert.match(errors()[0]?.message ?? '', /Log in again and set NAS_REFRESH_TOKEN/)
})

for (const word of ['invalid_token', 'refresh_token_reused', '401', '403']) {
  test(`a dead login that is refused with ${word} is said once, and no process asks again`, async (t) => {
    const { nas, start, refreshes, errors } = await loginSetup(t)
    await nas.misbehave('login_error', word)
    await nas.revokeLogin()
    const login = start()
    assert.equal(login.session(), 'unknown', 'it has not been used yet')
    for (const each of [login, login, start()]) assert.equal(codeOf(await each.get()), 'LOGIN_REFUSED')
    assert.deepEqual([refreshes(), errors().length, login.session()], [1, 1, 'terminal'])
  })
}

const dead = [
  [400, '{"error":{"code":"refresh_token_reused"}}'],
  [400, '{"code":"invalid_grant"}'],
  [400, 'refresh_token_reused'],
  [401, '{}'],
  [403, '{"error":"who_are_you"}'],
] as const
const passing = [
  [403, '<html>Forbidden</html>'],
  [401, '<html>Sign in</html>'],
  [403, 'error code: 1020'],
  [403, '{"error":"temporarily_unavailable"}'],
  [400, '{}'],
  [429, '{"error":"invalid_grant?"}'],
  [503, '{"error":"invalid_grant"}'],
] as const
for (const [kind, answers] of Object.entries({ refused: dead, transient: passing }))
  for (const [status, body] of answers)
    test(`a refresh that is answered ${status} ${body} is ${kind}`, async (t) => {
      const { start } = await loginSetup(t)
      const odd = await oddPortal(t, (response) => response.writeHead(status).end(body))
      const login = start({ tokenUrl: odd.url })
      assert.equal(kindAndCode(await login.get())[0], kind)
      assert.equal(login.session(), kind === 'transient' ? 'unknown' : 'terminal')
    })

for (const place of ['header', 'form', 'both']) {
  test(`a portal that reads the refresh token from ${place} is served`, async (t) => {
    const { nas, start, later } = await loginSetup(t)
    await nas.misbehave('token_from', place)
    const login = start()
    value(await login.get())
    later(15 * minute)
    value(await login.get())
    assert.deepEqual(
      nas.requests('token').map(({ status }) => status),
      [200, 200],
    )
  })
}

test('an unknown client is a refused login too', async (t) => {
  const { start, refreshes, store } = await loginSetup(t)
  const login = start({ store: { ...store } })
  const other = start({ firstRefreshToken: 'never given out' })
  assert.equal(codeOf(await other.get()), 'LOGIN_REFUSED')
  assert.equal(codeOf(await other.get()), 'LOGIN_REFUSED')
  assert.equal(refreshes(), 1)
  assert.ok((await login.get()).ok, 'the first token was never seen before: it begins the login anew')
})

test('a new NAS_REFRESH_TOKEN ends the refusal, for the processes that still have the old one too', async (t) => {
  const { nas, start, refreshes } = await loginSetup(t)
  const old = start()
  await old.get()
  await nas.revokeLogin()
  old.invalidate(value(await old.get()))
  assert.equal(codeOf(await old.get()), 'LOGIN_REFUSED')
  const token = value(await start({ firstRefreshToken: await nas.logIn() }).get())
  assert.equal(value(await old.get()), token)
  assert.equal(
    value(await start().get()),
    token,
    'a machine not updated yet does not go back to the old login',
  )
  assert.equal(refreshes(), 3)
})

test('a machine with an earlier NAS_REFRESH_TOKEN never takes the login back', async (t) => {
  const { nas, start, later, refreshes } = await loginSetup(t)
  await start().get()
  const newer = start({ firstRefreshToken: await nas.logIn() })
  await newer.get()
  for (let round = 0; round < 3; round += 1) {
    later(15 * minute)
    const tokens = await Promise.all([start().get(), newer.get()])
    assert.equal(value(tokens[0]), value(tokens[1]))
  }
  assert.deepEqual(
    nas.requests('token').map((call) => call.status),
    [200, 200, 200, 200, 200],
  )
  assert.equal(refreshes(), 5)
})

test('a token endpoint that nobody runs spends nothing: the next try comes at once and works', async (t) => {
  const { nas, start, later } = await loginSetup(t)
  const login = start()
  await nas.misbehave('down', 'refuse')
  assert.deepEqual(kindAndCode(await login.get()), ['transient', 'LOGIN_UNREACHABLE'])
  await nas.behave()
  assert.equal(codeOf(await login.get()), 'LOGIN_UNREACHABLE', 'for a second the last answer counts')
  later(1_000)
  assert.ok((await login.get()).ok)
})

test('a clock that was set back does not lengthen the pause after a failure', async (t) => {
  const { nas, start, later } = await loginSetup(t)
  const login = start()
  await nas.misbehave('answer', '429:60', { call: 'token', times: 1 })
  assert.equal(codeOf(await login.get()), 'LOGIN_FAILED')
  later(-60 * minute)
  assert.ok((await login.get()).ok)
})

test('a busy token endpoint is left alone for as long as it asks', async (t) => {
  const { nas, start, later, refreshes } = await loginSetup(t)
  const login = start()
  await nas.misbehave('answer', '429:30', { call: 'token', times: 1 })
  assert.equal(codeOf(await login.get()), 'LOGIN_FAILED')
  later(29_000)
  assert.equal(codeOf(await login.get()), 'LOGIN_FAILED')
  assert.equal(refreshes(), 1)
  later(1_000)
  assert.ok((await login.get()).ok)
})

test('after a lost answer the token is tried once more when the lease has ended, and the refusal says what happened', async (t) => {
  const { nas, start, later, refreshes } = await loginSetup(t)
  await nas.misbehave('lose_answer', undefined, { call: 'token', times: 1 })
  assert.deepEqual(kindAndCode(await start().get()), ['transient', 'LOGIN_ANSWER_LOST'])
  assert.deepEqual(kindAndCode(await start({ waitMs: 100 }).get()), ['transient', 'LOGIN_BUSY'])
  assert.equal(refreshes(), 1)
  later(30_000)
  const answer = await start().get()
  assert.deepEqual(kindAndCode(answer), ['refused', 'LOGIN_REFUSED'])
  assert.match(answer.ok ? '' : answer.message, /the answer to an earlier refresh was lost/)
  assert.equal(codeOf(await start().get()), 'LOGIN_REFUSED')
  assert.equal(refreshes(), 2)
})

test('after a lost answer that spent nothing, the next try works', async (t) => {
  const { nas, start, later } = await loginSetup(t)
  await nas.misbehave('answer', '502', { call: 'token', times: 1 })
  assert.equal(codeOf(await start().get()), 'LOGIN_FAILED')
  assert.equal(codeOf(await start({ waitMs: 100 }).get()), 'LOGIN_BUSY')
  later(30_000)
  assert.ok((await start().get()).ok)
})

test('while the old token still lives, a failed early renewal is nobody’s trouble', async (t) => {
  const { nas, start, later, clock } = await loginSetup(t)
  const login = start()
  const token = value(await login.get())
  await nas.misbehave('down', 'refuse')
  later(14 * minute + 30_000)
  assert.equal(value(await login.get()), token)
  assert.equal(value(await login.get()), token)
  later(minute)
  assert.equal((await login.get()).ok, false, String(clock.now))
})

test('a new token is used at once where the database fails after the refresh, and stored as soon as it is back', async (t) => {
  const { start, store, refreshes, errors, nas, later } = await loginSetup(t)
  const saved = Promise.withResolvers<void>()
  let failures = 3
  const flaky = {
    ...store,
    save: async (renewed: Parameters<typeof store.save>[0]) => {
      if ((failures -= 1) >= 0) throw new Error('no database')
      const isSaved = await store.save(renewed)
      saved.resolve()
      return isSaved
    },
  }
  const login = start({ store: flaky })
  assert.ok((await login.get()).ok)
  assert.equal(login.isUnsaved(), true)
  await saved.promise
  later(15 * minute)
  assert.ok((await start().get()).ok, 'the chain goes on in another process')
  assert.equal(login.isUnsaved(), false)
  assert.equal(errors().length, 1)
  assert.deepEqual(
    nas.requests('token').map((call) => call.status),
    [200, 200],
  )
  assert.equal(refreshes(), 2)
})

test('a spent refresh token is not sent again while its successor is not stored', async (t) => {
  const { start, store, refreshes, later } = await loginSetup(t)
  const stop = Promise.withResolvers<never>()
  stop.promise.catch(() => undefined)
  let saves = 0
  const login = start({
    store: {
      ...store,
      save: () => ((saves += 1) === 1 ? Promise.reject(new Error('no database')) : stop.promise),
    },
  })
  await login.get()
  later(16 * minute)
  assert.deepEqual(kindAndCode(await login.get()), ['transient', 'LOGIN_STORE_UNAVAILABLE'])
  assert.equal(refreshes(), 1)
})

test('a process whose lease ran out while it waited for its answer still stores it', async (t) => {
  const { nas, start, later, store } = await loginSetup(t)
  const asked = Promise.withResolvers<void>()
  const go = Promise.withResolvers<void>()
  const slow = start({
    store: {
      ...store,
      save: async (renewed) => {
        asked.resolve()
        await go.promise
        return store.save(renewed)
      },
    },
  })
  const first = slow.get()
  await asked.promise
  later(31_000)
  go.resolve()
  assert.equal(value(await first), value(await start().get()))
  assert.equal(nas.requests('token').length, 1)
})

test('a refresh that was overtaken by a new login is dropped for that login', async (t) => {
  const { nas, start, store } = await loginSetup(t)
  let token = ''
  const overtaken = start({
    store: {
      ...store,
      save: async (renewed) => {
        token = value(await start({ firstRefreshToken: await nas.logIn() }).get())
        return store.save(renewed)
      },
    },
  })
  assert.equal(value(await overtaken.get()), token)
})

test('a database that is out of reach is news, not an exception', async (t) => {
  const { start, database, nas } = await loginSetup(t)
  const db = createDatabase({ url: database.url })
  await db.close()
  const store = createLoginStore({ db, clientId: nas.clientId })
  assert.deepEqual(kindAndCode(await start({ store }).get()), ['transient', 'LOGIN_STORE_UNAVAILABLE'])
})

test('a login sealed with another ENCRYPTION_KEY is refused with its own code, and spends nothing', async (t) => {
  const { start, refreshes, later } = await loginSetup(t)
  await start().get()
  assert.deepEqual(kindAndCode(await start({ key: randomBytes(32) }).get()), ['refused', 'LOGIN_UNREADABLE'])
  assert.equal(refreshes(), 1)
  later(15 * minute)
  assert.ok((await start().get()).ok)
})

test('who gives up waits no longer, while the refresh goes on for the others', async (t) => {
  const { nas, start, refreshes } = await loginSetup(t)
  const login = start()
  const gone = new AbortController()
  const [given, kept] = [login.get(gone.signal), login.get()]
  gone.abort()
  assert.equal(codeOf(await given), 'NAS_ABORTED')
  assert.ok((await kept).ok)
  assert.equal(codeOf(await start().get(AbortSignal.abort())), 'NAS_ABORTED')
  await nas.waitFor(() => refreshes() === 1)
})

test('the refresh is sent as RFC 6749 says, and a server that does not rotate keeps its token', async (t) => {
  const { start, later, nas } = await loginSetup(t)
  const odd = await oddPortal(t, (response) => response.end('{"access_token":"a","expires_in":"900"}'))
  const login = start({ tokenUrl: `${odd.url}/oauth/token`, firstRefreshToken: 'r+ö &' })
  assert.equal(value(await login.get()), 'a')
  later(15 * minute)
  assert.equal(value(await login.get()), 'a')
  const [first, second] = odd.seen
  assert.equal(
    first?.body,
    new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: 'r+ö &',
      client_id: nas.clientId,
    }).toString(),
  )
  assert.equal(second?.body, first?.body)
  const { 'content-type': type, 'user-agent': agent, accept, authorization } = first?.request.headers ?? {}
  assert.match(type ?? '', /^application\/x-www-form-urlencoded/)
  assert.deepEqual([agent, accept, authorization], [userAgent, 'application/json', undefined])
})

test('a lifetime that no token has counts as none', async (t) => {
  for (const lifetime of ['1e300', '-1', '"x"', 'null', '99999999999']) {
    const { start, store, later } = await loginSetup(t)
    const odd = await oddPortal(t, (response) =>
      response.end(`{"access_token":"a","refresh_token":"b","expires_in":${lifetime}}`),
    )
    const login = start({ tokenUrl: `${odd.url}/oauth/token` })
    assert.equal(value(await login.get()), 'a', lifetime)
    assert.ok(await store.read(), lifetime)
    later(11 * minute)
    await login.get()
    assert.equal(odd.seen.length, 2, lifetime)
  }
})

test('a token endpoint that says OK without a token may have spent ours', async (t) => {
  const { start, store } = await loginSetup(t)
  const odd = await oddPortal(t, (response) => response.end('{"token":"a"}'))
  assert.deepEqual(kindAndCode(await start({ tokenUrl: odd.url }).get()), ['transient', 'LOGIN_FAILED'])
  assert.equal((await store.read())?.begun, 1)
})

function value(answer: NasAnswer<string> | undefined): string {
  assert.ok(answer?.ok, JSON.stringify(answer))
  return answer.value
}

function codeOf(answer: NasAnswer<string>): string {
  return answer.ok ? 'OK' : answer.code
}

function kindAndCode(answer: NasAnswer<string>): string[] {
  return answer.ok ? ['OK'] : [answer.kind, answer.code]
}
