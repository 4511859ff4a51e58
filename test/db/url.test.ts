import assert from 'node:assert/strict'
import { test } from 'node:test'
import postgres from 'postgres'
import { classify } from '../../db/errors.ts'
import { type ParameterUse, parameterUses } from '../../src/ground/database-parameters.ts'
import { exposureOf, readDatabaseUrl } from '../../src/ground/database-url.ts'
import { readPage, tableUnder } from '../docs/pages.ts'

const address = 'postgres://user:pa%3Fss@db.example:6543/chronos'

const target = (url: string) => {
  const { target: read, problems } = readDatabaseUrl(url)
  assert.deepEqual(problems, [], url)
  return read
}
const problemsOf = (url: string) => readDatabaseUrl(url).problems.join('\n')

test('a URL is read in all its parts', () => {
  const { servers, user, password, database, prepare, tls } = target(address)
  assert.deepEqual(servers, [{ name: 'db.example', address: 'db.example', port: 6543 }])
  assert.deepEqual(
    [user, password, database, prepare, tls.mode],
    ['user', 'pa?ss', 'chronos', true, 'disable'],
  )
  // libpq's own examples (34.1.1.2)
  const [local] = target('postgresql://').servers
  assert.deepEqual(local, { name: 'localhost', address: 'localhost', port: 5432 })
  const several = target('postgresql://host1:123,host2:456/somedb?application_name=myapp')
  assert.deepEqual(
    several.servers.map(({ name, port }) => `${name}:${port}`),
    ['host1:123', 'host2:456'],
  )
  assert.equal(several.applicationName, 'myapp')
  const [v6] = target('postgresql://[2001:db8::1234]/database').servers
  assert.deepEqual([v6?.address, v6?.port], ['2001:db8::1234', 5432])
  const inQuery = target('postgresql:///mydb?host=localhost&port=5433')
  assert.deepEqual([inQuery.database, inQuery.servers[0]?.port], ['mydb', 5433])
  const socket = target('postgresql://%2Fvar%2Flib%2Fpostgresql/dbname')
  assert.equal(socket.servers[0]?.address, '/var/lib/postgresql')
  assert.equal(target('postgres://u:a@b@h/db').password, 'a@b')
  assert.equal(target('postgres://h/db?user=u&password=a+b%2B').password, 'a+b+')
})

test('prepare=false and pgbouncer=true mean no prepared statements', () => {
  for (const query of ['prepare=false', 'pgbouncer=true'])
    assert.equal(target(`${address}?${query}`).prepare, false)
  assert.equal(target(`${address}?prepare=true&pgbouncer=false`).prepare, true)
})

test('a problem names what is wrong, and never quotes a password', () => {
  const wrong: [string, RegExp][] = [
    ['postgres://u:50%off@h/db', /the password is not percent-encoded: .*%25/],
    ['postgres://u:50%00@h/db', /the password contains %00/],
    ['postgres://u:50%/off@h/db', /percent-encode/],
    ['postgres://u:50?off@h/db', /%3F/],
    ['mysql://u:50off@h/db', /must look like postgres:/],
    ['postgres://u:50off@h:99999/db', /port/],
    ['postgres://u:50off@[nonsense]/db', /IPv6/],
    ['postgres://u:50off@h/db?sslmode=strict', /sslmode=strict is not supported/],
    ['postgres://u:50off@h/db?statement_timeout=5', /parameter statement_timeout is not known.*options=-c/],
    ['postgres://u:50off@h/db?sslrootcert=/no/such', /sslrootcert names a file that cannot be read/],
    ['postgres://u:50off@h/db?sslmode=require&sslcert=/etc/hostname', /sslcert and sslkey/],
    [
      'postgres://u:50off@h/db?sslmode=require&sslrootcert=system',
      /sslrootcert=system needs sslmode=verify-full/,
    ],
    ['postgres://u:50off@h/db?sslnegotiation=direct', /sslnegotiation=direct/],
    ['postgres://u:50off@h/db?target_session_attrs=standby', /target_session_attrs=standby/],
    ['postgres://u:50off@h/db?connect_timeout=soon', /connect_timeout/],
    ['postgres://u:50off@h/db?hostaddr=h', /hostaddr/],
    ['postgres://u:50off@a,b,c/db?port=1,2', /2 ports for 3 hosts/],
  ]
  for (const [url, said] of wrong) {
    assert.match(problemsOf(url), said, url)
    assert.doesNotMatch(problemsOf(url), /50|off/, url)
  }
})

test('every parameter of libpq is used, of no effect here, or refused by its name', () => {
  // libpq 18, 34.1.2
  const libpq =
    'host hostaddr port dbname user password passfile require_auth channel_binding connect_timeout client_encoding options application_name fallback_application_name keepalives keepalives_idle keepalives_interval keepalives_count tcp_user_timeout replication gssencmode sslmode requiressl sslnegotiation sslcompression sslcert sslkey sslkeylogfile sslpassword sslcertmode sslrootcert sslcrl sslcrldir sslsni requirepeer ssl_min_protocol_version ssl_max_protocol_version min_protocol_version max_protocol_version krbsrvname gsslib gssdelegation scram_client_key scram_server_key service servicefile target_session_attrs load_balance_hosts oauth_issuer oauth_client_id oauth_client_secret oauth_scope'
  for (const name of libpq.split(' ')) {
    const use: ParameterUse | undefined = Object.hasOwn(parameterUses, name)
      ? parameterUses[name as keyof typeof parameterUses]
      : undefined
    assert.ok(use, name)
    if (use.does === 'refused')
      assert.match(problemsOf(`${address}?${name}=x`), new RegExp(`parameter ${name} is not supported`))
  }
})

test('docs/deploy.md has each parameter where it belongs', () => {
  const rows = tableUnder(readPage('docs/deploy.md'), 'The database URL')
  const listed = rows.flatMap(([names = '', does = '']) =>
    [...names.matchAll(/`([a-z_]+)`/g)].map(([, name]) => `${name} ${does}`),
  )
  const known = Object.entries<ParameterUse>(parameterUses).map(([name, { does }]) => `${name} ${does}`)
  assert.deepEqual(listed.toSorted(), known.toSorted())
})

test('a connection that a stranger could read is told apart from one in a private network', () => {
  const exposed = (url: string) => exposureOf(target(url))
  assert.match(exposed('postgres://u:p@db.example/db') ?? '', /not encrypted/)
  assert.match(exposed('postgres://u:p@db.example/db?sslmode=require') ?? '', /does not verify/)
  assert.match(exposed('postgres://u:p@127.0.0.1,203.0.113.7/db?sslmode=prefer') ?? '', /203\.0\.113\.7/)
  assert.equal(exposed('postgres://u:p@db.example/db?sslmode=verify-full'), null)
  for (const host of [
    '127.0.0.1',
    '10.1.2.3',
    '192.168.0.1',
    '172.16.3.4',
    '[::1]',
    '[fdaa::3]',
    'localhost',
    'db',
    'db.internal',
    'my-db.flycast',
    '%2Frun%2Fpg',
  ])
    assert.equal(exposed(`postgres://u:p@${host}/db`), null, host)
})

test('a failure is told by its code: unavailable or not, carried out or unknown', () => {
  const state = (code: string) =>
    classify(Object.assign(Object.create(postgres.PostgresError.prototype), { code }))
  const local = (code: string, more = {}) => classify(Object.assign(new Error(code), { code, ...more }))
  assert.equal(state('23505'), null)
  assert.equal(state('42P01'), null)
  assert.equal(classify(new TypeError('a bug')), null)
  assert.equal(local('ERR_INVALID_ARG_TYPE'), null)
  for (const code of ['40001', '40P01']) assert.equal(state(code)?.kind, 'conflict')
  for (const code of ['53300', '57P03', '57014', '28P01', '3D000', '25006', '25P03']) {
    assert.equal(state(code)?.execution, 'not_executed', code)
  }
  for (const code of ['57P01', '57P02', '08006']) assert.equal(state(code)?.execution, 'unknown', code)
  for (const code of ['ECONNREFUSED', 'EHOSTUNREACH', 'ETIMEDOUT']) {
    assert.equal(local(code, { syscall: 'connect' })?.execution, 'not_executed', code)
  }
  for (const code of ['ENOTFOUND', 'EAI_AGAIN']) {
    assert.equal(local(code, { syscall: 'getaddrinfo' })?.execution, 'not_executed', code)
  }
  for (const code of ['ERR_TLS_CERT_ALTNAME_INVALID', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'CERT_HAS_EXPIRED']) {
    assert.equal(local(code)?.execution, 'not_executed', code)
  }
  for (const code of [
    'ECONNRESET',
    'EPIPE',
    'CONNECTION_CLOSED',
    'CONNECTION_DESTROYED',
    'DEADLINE_EXCEEDED',
  ]) {
    assert.deepEqual([local(code)?.execution, local(code)?.poolIsSuspect], ['unknown', true], code)
  }
})
