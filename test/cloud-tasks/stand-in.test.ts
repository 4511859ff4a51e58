import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { decodeJwt, SignJWT } from 'jose'
import { importPKCS8 } from 'jose/key/import'
import { startCloudTasks } from '../../dev/cloud-tasks/index.ts'
import { startTarget } from '../../dev/target/index.ts'

// The stand-in is held against the REST description that Google publishes.

const start = new Date('2026-06-18T08:00:00Z')
const after = (s: number) => new Date(start.getTime() + s * 1_000)

async function setup(t: TestContext, options: Parameters<typeof startCloudTasks>[0] = {}) {
  const google = await startCloudTasks({ time: start, ...options })
  const target = await startTarget()
  t.after(async () => {
    await google.close()
    await target.close()
  })

  async function grant(change: Record<string, unknown> = {}) {
    const { client_email: iss, token_uri: aud, private_key: pem } = google.keyFile
    const nowS = Math.floor(Date.now() / 1_000)
    const scope = 'https://www.googleapis.com/auth/cloud-platform'
    const assertion = await new SignJWT({ iss, aud, scope, iat: nowS, exp: nowS + 3_600, ...change })
      .setProtectedHeader({ alg: 'RS256' })
      .sign(await importPKCS8(pem, 'RS256'))
    const body = new URLSearchParams({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion })
    const response = await fetch(aud, { method: 'POST', body })
    return (await response.json()) as { access_token?: string; error?: string }
  }

  const { access_token: token = '' } = await grant()
  async function call(method: string, path: string, json?: unknown, bearer = token) {
    const response = await fetch(`${google.url}/v2/${path}`, {
      method,
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
      ...(json !== undefined && { body: JSON.stringify(json) }),
    })
    const body = (await response.json()) as { name?: string; error?: { status: string }; tasks?: unknown[] }
    return { status: response.status, said: body.error?.status ?? null, body }
  }
  const parent = `${google.queue}/tasks`
  const create = (id: string, at: Date, more: object = {}) =>
    call('POST', parent, {
      task: {
        name: `${parent}/${id}`,
        scheduleTime: at.toISOString(),
        httpRequest: { url: `${target.url}/hook`, body: btoa('{"a":1}'), ...more },
      },
    })
  return { google, target, grant, call, create, parent }
}

test('a task is sent at its instant, with its body and an OIDC token, and is gone then', async (t) => {
  const { google, target, create } = await setup(t)
  const oidcToken = { serviceAccountEmail: google.caller, audience: 'https://app.example' }
  assert.equal((await create('one', after(60), { oidcToken })).status, 200)
  await google.moveTo(after(59))
  assert.equal(target.calls.length, 0)
  await google.moveTo(after(60))
  const [sent] = target.calls
  assert.equal(sent?.body, '{"a":1}')
  const claims = decodeJwt((sent?.headers['authorization'] ?? '').replace('Bearer ', ''))
  assert.deepEqual(
    [claims.iss, claims.aud, claims['email'], claims['email_verified']],
    ['https://accounts.google.com', 'https://app.example', google.caller, true],
  )
  assert.deepEqual(google.pending(), [])
})

test('a name is taken while its task is there, and for an hour after it was deleted or executed', async (t) => {
  const { google, call, create, parent } = await setup(t)
  await create('one', after(60))
  assert.equal((await create('one', after(90))).said, 'ALREADY_EXISTS')
  assert.equal((await call('DELETE', `${parent}/one`)).status, 200)
  assert.equal((await call('DELETE', `${parent}/one`)).said, 'NOT_FOUND')
  await google.moveTo(after(3_599))
  assert.equal((await create('one', after(7_200))).said, 'ALREADY_EXISTS')
  await google.moveTo(after(3_600))
  assert.equal((await create('one', after(7_200))).status, 200)
})

test('a task that fails is tried again after gaps that double, up to the longest, then evenly', async (t) => {
  const retry = { minBackoffMs: 10_000, maxBackoffMs: 300_000, maxDoublings: 3, maxAttempts: 6 }
  const { google, target, create } = await setup(t, { retry })
  target.behave('/hook', { does: 'status', value: 500 })
  await create('one', start)
  await google.settled()
  const at: number[] = []
  for (let s = 0; s <= 600; s += 10) {
    const before = target.calls.length
    await google.moveTo(after(s))
    if (target.calls.length > before) at.push(s)
  }
  // 10, 20, 40, 80, then 80 more each
  assert.deepEqual(at, [10, 30, 70, 150, 310])
  assert.deepEqual(google.pending(), [])
})

test('what is further ahead than 30 days is refused, and so are another queue and strange names', async (t) => {
  const { call, create } = await setup(t)
  assert.equal((await create('far', after(31 * 86_400))).said, 'INVALID_ARGUMENT')
  assert.equal((await create('a/b', after(60))).said, 'INVALID_ARGUMENT')
  assert.equal((await call('POST', 'projects/a/locations/b/queues/c/tasks', {})).said, 'NOT_FOUND')
})

test('a call without a good token is refused; a token is given for a good assertion alone', async (t) => {
  const { google, grant, call, parent } = await setup(t)
  assert.equal((await call('GET', parent, undefined, 'stranger')).said, 'UNAUTHENTICATED')
  google.endTokens()
  assert.equal((await call('GET', parent)).said, 'UNAUTHENTICATED')
  for (const change of [{ aud: 'https://a.example' }, { scope: 'x' }, { exp: 1 }, { iss: 'a@b' }])
    assert.equal((await grant(change)).error, 'invalid_grant')
})

test('each task of a list is billed, and each try', async (t) => {
  const { google, call, create, parent } = await setup(t)
  for (const id of ['a', 'b', 'c']) await create(id, after(60))
  assert.equal((await call('GET', parent)).body.tasks?.length, 3)
  assert.equal(google.billed(), 6)
  await google.moveTo(after(60))
  assert.equal(google.billed(), 9)
})
