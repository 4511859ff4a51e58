import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { createDatabase } from '../../db/client.ts'
import { DatabaseUnavailable } from '../../db/errors.ts'
import { sharedBuild } from '../support/build.ts'
import { createTestDatabase } from '../support/database.ts'
import { authority, forAddress, forClient, forName } from './certificates.ts'
import { type Front, startFront } from './front.ts'
import { assertTook } from '../support/limits.ts'

const database = await createTestDatabase()
const folder = await mkdtemp(join(tmpdir(), 'pg-'))
const file = (name: string) => join(folder, name)
await writeFile(file('ca.pem'), authority)
await writeFile(file('client.pem'), forClient.cert)
await writeFile(file('client.key'), forClient.key)
after(async () => {
  await database.drop()
  await rm(folder, { recursive: true })
})
const { username, password, pathname } = new URL(database.url)
const login = `${username}:${password}`

/** What a URL leads to: the name of the application that the server sees, or why there is no connection. */
async function ask(t: TestContext, url: string): Promise<string> {
  const db = createDatabase({ url, deadlineMs: 5_000 })
  t.after(() => db.close())
  try {
    const [row] = await db.run(
      (sql) => sql<{ name: string }[]>`select current_setting('application_name') as name`,
    )
    return row?.name ?? ''
  } catch (error) {
    if (error instanceof DatabaseUnavailable) return error.reason
    throw error
  }
}

async function front(
  t: TestContext,
  ...options: Parameters<typeof startFront> extends [string, ...infer R] ? R : never
): Promise<Front> {
  const started = await startFront(database.url, ...options)
  t.after(() => started.close())
  return started
}

test('verify-full compares the certificate with the host of the URL, be it a name or an address', async (t) => {
  const named = await front(t, { certificate: forName })
  const addressed = await front(t, { certificate: forAddress })
  const full = `sslmode=verify-full&sslrootcert=${file('ca.pem')}`
  const at = (host: string, { port }: Front, query = full) =>
    `postgres://${login}@${host}:${port}${pathname}?${query}`
  assert.equal(await ask(t, at('127.0.0.1', named)), 'ERR_TLS_CERT_ALTNAME_INVALID')
  assert.equal(await ask(t, at('localhost', addressed)), 'ERR_TLS_CERT_ALTNAME_INVALID')
  assert.equal(await ask(t, at('localhost', named)), 'chronos')
  assert.equal(await ask(t, at('127.0.0.1', addressed)), 'chronos')
  // the address to call and the name to expect may be told apart
  assert.equal(await ask(t, at('localhost', named, `${full}&hostaddr=127.0.0.1`)), 'chronos')
  assert.equal(
    await ask(t, at('db.example', named, `${full}&hostaddr=127.0.0.1`)),
    'ERR_TLS_CERT_ALTNAME_INVALID',
  )
  assert.equal(
    await ask(t, at('127.0.0.1', named, `sslmode=verify-ca&sslrootcert=${file('ca.pem')}`)),
    'chronos',
  )
  assert.equal(
    await ask(t, at('127.0.0.1', named, `sslmode=require&sslrootcert=${file('client.pem')}`)),
    'SELF_SIGNED_CERT_IN_CHAIN',
  )
  assert.equal(await ask(t, at('localhost', named, 'sslmode=verify-full')), 'SELF_SIGNED_CERT_IN_CHAIN')
  assert.equal(await ask(t, at('127.0.0.1', named, 'sslmode=require')), 'chronos')
  assert.deepEqual(named.seen.map(({ name }) => name).includes('localhost'), true)
  assert.equal(
    addressed.seen.every(({ name, encrypted }) => name === null && encrypted),
    true,
  )
})

test('the shipped file speaks TLS too, and verifies the certificate', async (t) => {
  const { port } = await front(t, { certificate: forName })
  const build = await sharedBuild()
  t.after(() => build.remove())
  const migrate = (query: string) =>
    promisify(execFile)(process.execPath, [join(build.folder, 'migrate.js')], {
      env: { DATABASE_URL: `postgres://${login}@localhost:${port}${pathname}?sslmode=verify-full${query}` },
    })
  assert.match((await migrate(`&sslrootcert=${file('ca.pem')}`)).stdout, /nothing to apply/)
  await assert.rejects(migrate(''), /SELF_SIGNED_CERT_IN_CHAIN/)
})

test('require refuses a server without TLS, and prefer takes it', async (t) => {
  const { port, seen } = await front(t, { certificate: null })
  const at = (mode: string) => `postgres://${login}@127.0.0.1:${port}${pathname}?sslmode=${mode}`
  assert.equal(await ask(t, at('require')), 'CONNECT_TLS_REFUSED')
  assert.deepEqual(seen, [])
  for (const mode of ['prefer', 'allow', 'disable']) assert.equal(await ask(t, at(mode)), 'chronos')
})

test("a client's certificate is shown to a server that asks for one", async (t) => {
  const { port, seen } = await front(t, { certificate: forName, needsClient: true })
  const at = (query: string) => `postgres://${login}@localhost:${port}${pathname}?sslmode=require&${query}`
  assert.equal(await ask(t, at(`sslcert=${file('client.pem')}&sslkey=${file('client.key')}`)), 'chronos')
  assert.equal(seen[0]?.client, 'chronos')
  assert.notEqual(await ask(t, at('')), 'chronos')
})

test('direct negotiation begins with TLS', async (t) => {
  const { port, seen } = await front(t, { certificate: forName })
  const url = `postgres://${login}@localhost:${port}${pathname}?sslmode=verify-full&sslrootcert=${file('ca.pem')}&sslnegotiation=direct`
  assert.equal(await ask(t, url), 'chronos')
  assert.equal(seen[0]?.encrypted, true)
})

test('an IPv6 host is called, and a certificate is compared with it', async (t) => {
  const listen = { host: '::1', port: 0 }
  const plain = await front(t, { certificate: null, listen })
  assert.equal(await ask(t, `postgres://${login}@[::1]:${plain.port}${pathname}`), 'chronos')
  const full = `?sslmode=verify-full&sslrootcert=${file('ca.pem')}`
  const good = await front(t, { certificate: forAddress, listen })
  assert.equal(await ask(t, `postgres://${login}@[::1]:${good.port}${pathname}${full}`), 'chronos')
  const bad = await front(t, { certificate: forName, listen })
  assert.equal(
    await ask(t, `postgres://${login}@[::1]:${bad.port}${pathname}${full}`),
    'ERR_TLS_CERT_ALTNAME_INVALID',
  )
})

test('a socket in a folder is called, whichever way the URL names it', async (t) => {
  const { port } = new URL(database.url)
  await front(t, { certificate: null, listen: { path: file(`.s.PGSQL.${port}`) } })
  const written = encodeURIComponent(folder)
  assert.equal(
    await ask(t, `postgresql://${login}@/${pathname.slice(1)}?host=${written}&port=${port}`),
    'chronos',
  )
  assert.equal(await ask(t, `postgresql://${login}@${written}:${port}${pathname}`), 'chronos')
  // no TLS over a socket, as with libpq
  assert.equal(
    await ask(t, `postgresql://${login}@/${pathname.slice(1)}?host=${folder}&port=${port}&sslmode=require`),
    'chronos',
  )
})

test("libpq's other forms lead to the same server", async (t) => {
  const { hostname, port } = new URL(database.url)
  const name = pathname.slice(1)
  const query = `user=${username}&password=${password}`
  for (const url of [
    `postgresql://${hostname}:${port}/${name}?${query}`,
    `postgresql:///${name}?host=${hostname}&port=${port}&${query}`,
    `postgresql://?dbname=${name}&host=${hostname}&port=${port}&${query}`,
    `postgres://${login}@${hostname}:${port}/?dbname=${name}`,
    `postgres://${login}@127.0.0.1:1,${hostname}:${port}/${name}`,
    `postgres://${login}@${hostname}:${port}/${name}?uselibpqcompat=true&channel_binding=require&load_balance_hosts=random&target_session_attrs=read-write&connect_timeout=3&keepalives=0&gssencmode=prefer`,
  ])
    assert.equal(await ask(t, url), 'chronos', url)
  const at = `postgres://${login}@${hostname}:${port}/${name}`
  assert.equal(await ask(t, `${at}?application_name=cron`), 'cron')
  assert.equal(await ask(t, `${at}?fallback_application_name=other`), 'other')
  assert.equal(await ask(t, `${at}?options=-c%20application_name%3Dset`), 'chronos')
})

test('every server is tried before a call fails, and what waits is not left waiting', async (t) => {
  const db = createDatabase({
    url: `postgres://${login}@127.0.0.1:1,127.0.0.1:2${pathname}`,
    deadlineMs: 20_000,
  })
  t.after(() => db.close())
  const startedAt = performance.now()
  const calls = await Promise.allSettled(Array.from({ length: 40 }, () => db.run((sql) => sql`select 1`)))
  assert.ok(calls.every(({ status }) => status === 'rejected'))
  assertTook(performance.now() - startedAt, 5_000)
})
