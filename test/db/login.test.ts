import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test, type TestContext } from 'node:test'
import { createDatabase } from '../../db/client.ts'
import { DatabaseUnavailable } from '../../db/errors.ts'
import { keysQuestion, logInAhead, type LoggedIn } from '../../db/login/index.ts'
import { createScram } from '../../db/login/scram.ts'
import { migrate } from '../../db/migrate.ts'
import { openPool } from '../../db/pool.ts'
import { freePort } from '../../dev/free-port.ts'
import { startPostgres } from '../../dev/postgres/index.ts'
import { startTcpProxy } from '../../dev/tcp-proxy/index.ts'
import { connectEarly } from '../../src/early.ts'
import { speaking } from '../support/raw-server.ts'
import { until } from '../support/until.ts'
import { authority, forName } from './certificates.ts'
import { createFaultyDatabase } from './faulty.ts'
import { startFront } from './front.ts'

// A server that wants another proof from each of its users. All have the same password.
const folder = await mkdtemp(join(tmpdir(), 'chronos-login-'))
const server = await startPostgres({ dataDir: join(folder, 'data'), durable: false })
const admin = openPool({ url: server.url, max: 1, connectTimeoutMs: 5_000, applicationName: 'test' })
const methods = { scrammed: 'scram-sha-256', trusted: 'trust', hashed: 'md5', plain: 'password' }
for (const [user, method] of Object.entries(methods)) {
  await admin.sql.unsafe(`set password_encryption = '${method === 'md5' ? 'md5' : 'scram-sha-256'}'`)
  // with as many iterations as a server has by itself
  await admin.sql.unsafe('set scram_iterations = 4096')
  await admin.sql.unsafe(`create role ${user} superuser login password 'open sesame'`)
}
const hba = join(folder, 'data', 'pg_hba.conf')
const rules = Object.entries(methods).map(([user, method]) => `host all ${user} 127.0.0.1/32 ${method}`)
const refused = 'host all refused 127.0.0.1/32 reject'
await writeFile(hba, [...rules, refused, await readFile(hba, 'utf8')].join('\n'))
await admin.sql`select pg_reload_conf()`
const proxy = await startTcpProxy({ target: { host: '127.0.0.1', port: Number(new URL(server.url).port) } })
after(async () => {
  await proxy.close()
  await admin.dispose(1_000)
  await server.stop()
  await rm(folder, { recursive: true })
})

type To = { user?: string; password?: string; port?: number; query?: string }
const urlOf = ({ user = 'scrammed', password = 'open sesame', port = proxy.port, query = '' }: To) =>
  `postgres://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}/postgres?login=ahead${query}`
const question = `select 'it''s', null, 1 + 1`

function begin(t: TestContext, url: string, asks: string | null = question) {
  const ahead = logInAhead({ url, question: asks })
  assert.ok(ahead)
  t.after(() => ahead.close())
  return ahead
}

/** Who a statement says that it is, the first connection being begun ahead; or why there is no connection. */
async function whoIsThere(t: TestContext, url: string): Promise<[string, LoggedIn | null]> {
  const ahead = begin(t, url)
  const db = createDatabase({ url, ahead })
  t.after(() => db.close())
  try {
    const [row] = await db.run((sql) => sql<{ name: string }[]>`select session_user::text as name`)
    return [row?.name ?? '', await ahead.loggedIn]
  } catch (error) {
    if (error instanceof DatabaseUnavailable) return [error.message, await ahead.loggedIn]
    throw error
  }
}

/** The round trips of what was connected in the meantime, but for TCP's own, and how many connections there were. */
async function counted<T>(
  work: () => Promise<T>,
): Promise<{ result: T; questions: number; connections: number }> {
  const before = proxy.counters().connections.length
  const result = await work()
  const made = proxy.counters().connections.slice(before)
  return {
    ...{ result, connections: made.length },
    questions: made.reduce((sum, each) => sum + each.questions, 0),
  }
}

test('a login and the question with it take two round trips, and the statement after them one', async (t) => {
  const { result, questions, connections } = await counted(() => whoIsThere(t, urlOf({})))
  assert.deepEqual([result[0], questions, connections], ['scrammed', 3, 1])
  assert.deepEqual(result[1]?.rows, [["it's", null, '2']])
  const usual = createDatabase({ url: urlOf({}) })
  t.after(() => usual.close())
  const other = await counted(() => usual.run((sql) => sql`select 1`))
  assert.equal(other.questions, 4)
})

test('without a question it takes as many', async (t) => {
  const url = urlOf({})
  const { questions, result } = await counted(async () => {
    const ahead = begin(t, url, null)
    const db = createDatabase({ url, ahead })
    t.after(() => db.close())
    await db.run((sql) => sql`select 1`)
    return ahead.loggedIn
  })
  assert.equal(questions, 3)
  assert.equal(result?.rows, null)
})

test('a question that is refused costs its answer, and not the connection', async (t) => {
  const ahead = begin(t, urlOf({}), 'select * from there_is_none')
  const db = createDatabase({ url: urlOf({}), ahead })
  t.after(() => db.close())
  assert.equal((await ahead.loggedIn)?.rows, null)
  const again = await counted(() => db.run((sql) => sql`select 1`))
  assert.equal(again.connections, 0)
})

for (const user of ['trusted', 'hashed', 'plain'])
  test(`a server that wants ${methods[user as keyof typeof methods]} is logged in to the usual way`, async (t) => {
    const { result, connections } = await counted(() => whoIsThere(t, urlOf({ user })))
    assert.deepEqual(result, [user, null])
    assert.equal(connections, 2)
  })

test('a refusal is told as without it', async (t) => {
  for (const to of [{ password: 'wrong' }, { user: 'refused' }, { user: 'unknown' }]) {
    const usual = createDatabase({ url: urlOf(to) })
    t.after(() => usual.close())
    const told = await usual.run((sql) => sql`select 1`).then(String, (error: Error) => error.message)
    assert.match(told, /\(28(P01|000)\)/)
    assert.deepEqual(await whoIsThere(t, urlOf(to)), [told, null])
  }
  const gone = await freePort()
  assert.match((await whoIsThere(t, urlOf({ port: gone })))[0], /ECONNREFUSED/)
})

test('where the URL does not ask for it, or leaves something open, nothing is begun', () => {
  const port = '127.0.0.1:1'
  for (const url of [
    `postgres://a:b@${port}/c`,
    `postgres://a:b@${port}/c?login=usual`,
    `postgres://a@${port}/c?login=ahead`,
    `postgres://a:b@${port}?login=ahead`,
    `postgres://a:b@${port},127.0.0.1:2/c?login=ahead`,
    `postgres://a:b@${port}/c?login=ahead&sslmode=strict`,
  ])
    assert.equal(logInAhead({ url, question }), null, url)
})

test('over TLS it is the same, and a certificate that does not fit sends nothing', async (t) => {
  const front = await startFront(server.url, { certificate: forName })
  t.after(() => front.close())
  const ca = join(folder, 'ca.pem')
  await writeFile(ca, authority)
  const at = (host: string) =>
    urlOf({ port: front.port, query: `&sslmode=verify-full&sslrootcert=${ca}` }).replace('127.0.0.1', host)
  const [name, loggedIn] = await whoIsThere(t, at('localhost'))
  assert.deepEqual([name, loggedIn?.rows?.length], ['scrammed', 1])
  const before = front.seen.length
  assert.match((await whoIsThere(t, at('127.0.0.1')))[0], /ERR_TLS_CERT_ALTNAME_INVALID/)
  assert.equal(front.seen.length, before)
})

test('a server that does not prove that it knows the password is not believed', async (t) => {
  const liar = (proof: string | null) => {
    // what it said in place of an answer would be taken for the keys
    const ready = message('Z', 'I')
    const row = message('D', `\0\x01\0\0\0\x04lies`)
    return speaking(t, (socket) => {
      let asked = 0
      socket.on('data', (bytes: Buffer) => {
        asked += 1
        if (asked === 1) {
          const [, nonce] = /r=([^,]+)$/.exec(bytes.toString()) ?? []
          const challenge = `r=${nonce}theirs,s=${Buffer.from('salt').toString('base64')},i=1`
          socket.write(
            Buffer.concat([authentication(10, 'SCRAM-SHA-256\0\0'), authentication(11, challenge)]),
          )
        } else {
          const proved = proof === null ? [] : [authentication(12, proof)]
          socket.write(Buffer.concat([...proved, authentication(0, ''), ready, row, ready]))
        }
      })
    })
  }
  for (const proof of [null, `v=${Buffer.alloc(32).toString('base64')}`, '', 'v=']) {
    const { port } = await liar(proof)
    assert.equal(await begin(t, urlOf({ port })).loggedIn, null, String(proof))
  }
})

test('the challenge has to answer the first message', () => {
  const scram = createScram('secret', 'mine')
  assert.equal(scram.first, 'n,,n=*,r=mine')
  assert.equal(scram.isProof(''), false)
  for (const wrong of [
    ...['r=mine,s=QQ==,i=1', 'r=other,s=QQ==,i=1', 'r=mineX,s=QQ==,i=0', 'e=other-error', ''],
    // a server would keep this process busy with it
    'r=mineX,s=QQ==,i=100001',
  ])
    assert.throws(() => scram.final(wrong), { code: 'SASL_SIGNATURE_MISMATCH' }, wrong)
  const proof = scram.final('r=mineX,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096')
  assert.match(proof, /^c=biws,r=mineX,p=[A-Za-z0-9+/]{43}=$/)
})

test('one that reads no further than the first message is not waited for', async (t) => {
  // as poolers do that take each packet for one message
  const { port } = await speaking(t, (client) => {
    const behind = connect(Number(new URL(server.url).port), '127.0.0.1')
    behind.on('error', () => client.destroy())
    client.on('close', () => behind.destroy())
    let packets = 0
    client.on('data', (bytes: Buffer) => {
      packets += 1
      const length = packets === 1 ? bytes.readUInt32BE(0) : 1 + bytes.readUInt32BE(1)
      behind.write(packets <= 3 ? bytes.subarray(0, length) : bytes)
    })
    behind.pipe(client)
  })
  assert.deepEqual(await whoIsThere(t, urlOf({ port })), ['scrammed', null])
})

test('a connection that breaks off on the way is made again', async (t) => {
  await proxy.setMode('close_at_startup')
  const ahead = begin(t, urlOf({}))
  assert.equal(await ahead.loggedIn, null)
  await proxy.setMode('pass')
  const db = createDatabase({ url: urlOf({}), ahead })
  t.after(() => db.close())
  assert.equal((await db.run((sql) => sql`select 1 as one`))[0]?.['one'], 1)
})

test('one that has gone before it is needed is not used', async (t) => {
  const ahead = begin(t, urlOf({}))
  const loggedIn = await ahead.loggedIn
  assert.ok(loggedIn)
  loggedIn.socket.destroy()
  const db = createDatabase({ url: urlOf({}), ahead })
  t.after(() => db.close())
  assert.equal((await db.run((sql) => sql`select 1 as one`))[0]?.['one'], 1)
})

test('a database that is closed leaves none open that was begun for it', async (t) => {
  for (const isUsed of [false, true]) {
    const ahead = begin(t, urlOf({}))
    const db = createDatabase({ url: urlOf({}), ahead })
    if (isUsed) await db.run((sql) => sql`select 1`)
    else await ahead.loggedIn
    await db.close()
    await until('the connection is closed', async () => proxy.counters().open === 0)
  }
  const ahead = begin(t, urlOf({}))
  const usual = { max: 2, connectTimeoutMs: 5_000, applicationName: 'test' }
  const pool = openPool({ url: urlOf({}), ...usual, ahead })
  await ahead.loggedIn
  await pool.dispose(0)
  await until('the connection is closed', async () => proxy.counters().open === 0)
})

test('a connection that what starts the program has begun is taken, if it leads where the URL does', async (t) => {
  const opened = Symbol.for('chronos.opened')
  for (const [host, made] of [
    ['127.0.0.1', 1],
    ['localhost', 2],
  ] as const) {
    const { result, connections } = await counted(async () => {
      const socket = connect({ host: '127.0.0.1', port: proxy.port }).on('error', () => {})
      await once(socket, 'connect')
      Object.assign(globalThis, { [opened]: { host, port: proxy.port, socket } })
      const db = createDatabase({ url: urlOf({}) })
      t.after(() => db.close())
      await db.run((sql) => sql`select 1`)
      return socket
    })
    assert.equal(connections, made)
    assert.equal(result.destroyed, made > 1)
    assert.equal(opened in globalThis, false)
  }
})

test('a process that boots sends its login with the start of the session, and asks for the keys with its proof', async (t) => {
  const packets: string[] = []
  const { port } = await speaking(t, (socket) => {
    socket.on('data', (bytes: Buffer) => {
      packets.push(bytes.toString('latin1'))
      const [, nonce] = /n,,n=\*,r=([^,]+)$/.exec(bytes.toString()) ?? []
      const challenge = `r=${nonce}theirs,s=${Buffer.from('salt').toString('base64')},i=1`
      if (packets.length === 1)
        socket.write(Buffer.concat([authentication(10, 'SCRAM-SHA-256\0\0'), authentication(11, challenge)]))
    })
  })
  const child = spawn(process.execPath, ['src/server.ts'], {
    env: {
      ...{ PATH: process.env['PATH'] ?? '', DATABASE_URL: urlOf({ port }), API_KEY: 'only-for-this-test' },
      ...{ HOST: '127.0.0.1', PORT: '0', NAS_PORTAL_URL: 'http://127.0.0.1:9', NAS_AUDIENCE: 'agent:test' },
      LOG_LEVEL: 'silent',
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  t.after(async () => {
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  })
  await until('two packets have come', async () => packets.length >= 2)
  assert.match(
    packets[0] ?? '',
    /user\0scrammed\0database\0postgres\0.*application_name\0chronos.*p....SCRAM-SHA-256\0/s,
  )
  assert.match(packets[1] ?? '', /^p....c=biws,.*Q....select .* from nas_keys\0$/s)
})

test('a process whose login ahead is not taken says so once, and works', async () => {
  await migrate(server.url)
  const said = async (user: string) => {
    const child = spawn(process.execPath, ['src/server.ts'], {
      env: {
        ...{ PATH: process.env['PATH'] ?? '', DATABASE_URL: urlOf({ user }), API_KEY: 'only-for-this-test' },
        ...{ HOST: '127.0.0.1', PORT: '0', CRON_PROVIDER: 'builtin', LOG_LEVEL: 'warn' },
        ...{ IDLE_EXIT_MS: '100', BOOT_GRACE_MS: '100' },
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const lines = (await text(child.stdout)).split('\n').filter((line) => line.includes('login=ahead'))
    return lines.map((line) => (JSON.parse(line) as { msg: string }).msg)
  }
  const [taken, inVain] = await Promise.all([said('scrammed'), said('trusted')])
  assert.deepEqual(taken, [])
  assert.equal(inVain.length, 1)
  assert.match(inVain[0] ?? '', /was not taken by Postgres.*remove login=ahead from DATABASE_URL/)
})

test('the keys that come with the login are those that a statement reads', async (t) => {
  const { database, drop } = await createFaultyDatabase()
  t.after(drop)
  const jwks = { keys: [{ kty: 'EC', kid: "it's ä" }] }
  await database.sql`insert into nas_keys (jwks_url, jwks, fetched_at)
    values ('https://nas.test/keys', ${database.sql.json(jwks)}, '2026-03-29T01:02:03.456Z')`
  const config = {
    databaseUrl: `${database.url}?login=ahead`,
    nas: { portalUrl: 'x', audience: 'y' } as never,
  }
  for (const isAhead of [true, false]) {
    const ahead = isAhead ? begin(t, config.databaseUrl, keysQuestion) : null
    const early = connectEarly(config, ahead)
    t.after(() => early.database.close())
    const expected = {
      jwks_url: 'https://nas.test/keys',
      jwks,
      fetched_at: new Date('2026-03-29T01:02:03.456Z'),
    }
    assert.deepEqual([...((await early.keys) ?? [])], [expected])
    if (isAhead) assert.equal((await ahead?.loggedIn)?.rows?.length, 1)
    assert.equal(await early.isAhead, isAhead ? true : null)
  }
  const wrong = begin(t, urlOf({ user: 'trusted' }), keysQuestion)
  const early = connectEarly({ ...config, databaseUrl: config.databaseUrl }, wrong)
  t.after(() => early.database.close())
  assert.equal((await early.keys)?.length, 1)
  assert.equal(await early.isAhead, false)
})

const pgbouncer = ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer'].find(existsSync)
for (const method of ['scram-sha-256', 'md5', 'plain', 'trust'])
  test(`PgBouncer that wants ${method} lets it in`, { skip: !pgbouncer }, async (t) => {
    const port = await startPgbouncer(t, method)
    const [name, loggedIn] = await whoIsThere(t, urlOf({ port, query: '&pgbouncer=true' }))
    assert.equal(name, 'scrammed')
    const rows = method === 'scram-sha-256' ? [["it's", null, '2']] : undefined
    assert.deepEqual(loggedIn?.rows, rows)
  })

async function startPgbouncer(t: TestContext, method: string): Promise<number> {
  const port = await freePort()
  const own = await mkdtemp(join(tmpdir(), 'chronos-pgbouncer-'))
  await chmod(own, 0o777)
  await writeFile(join(own, 'users'), '"scrammed" "open sesame"\n')
  const config = [
    '[databases]',
    `postgres = host=127.0.0.1 port=${new URL(server.url).port}`,
    '[pgbouncer]',
    ...['listen_addr = 127.0.0.1', `listen_port = ${port}`, 'unix_socket_dir =', 'pool_mode = transaction'],
    ...[
      `auth_type = ${method}`,
      `auth_file = ${own}/users`,
      'ignore_startup_parameters = extra_float_digits',
    ],
  ]
  await writeFile(join(own, 'ini'), config.join('\n'))
  const asOther = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
  const child = spawn(pgbouncer ?? '', [...asOther, join(own, 'ini')], { stdio: 'ignore' })
  t.after(async () => {
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
    await rm(own, { recursive: true })
  })
  await until('PgBouncer listens', () => isOpen(port))
  return port
}

async function isOpen(port: number): Promise<boolean> {
  const socket: Socket = connect(port, '127.0.0.1')
  return new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
  }).finally(() => socket.destroy())
}

function message(type: string, body: string | Buffer): Buffer {
  const bytes = Buffer.from(body as string, 'latin1')
  const head = Buffer.alloc(5)
  head.write(type)
  head.writeUInt32BE(4 + bytes.length, 1)
  return Buffer.concat([head, bytes])
}

function authentication(code: number, said: string): Buffer {
  const kind = Buffer.alloc(4)
  kind.writeUInt32BE(code)
  return message('R', Buffer.concat([kind, Buffer.from(said)]).toString('latin1'))
}
