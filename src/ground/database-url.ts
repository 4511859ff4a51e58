import { BlockList, isIP } from 'node:net'
import { type ParameterUse, parameterUses } from './database-parameters.ts'
import { type DatabaseTls, tlsOf } from './database-tls.ts'

/** The addresses of Postgres. `name`: the name in its certificate; `address`: a host, an IP address or a socket's folder. */
export type DatabaseServer = { name: string; address: string; port: number }

/** A Postgres URL, read. Null: the usual. */
export type DatabaseTarget = {
  /** Tried in this order, as libpq does. */
  servers: DatabaseServer[]
  user: string | null
  password: string | null
  database: string | null
  tls: DatabaseTls
  /** False behind a transaction pooler: a named statement may be gone at the next transaction. */
  prepare: boolean
  /** The server wants SCRAM-SHA-256 and reads what is sent before it is asked for: PostgreSQL itself, or PgBouncer. */
  isLoginAhead: boolean
  applicationName: string | null
  /** Settings of the session (`-c name=value`), sent as they are. */
  options: string | null
  connectTimeoutMs: number | null
  /** Seconds of silence before a probe of TCP; 0: none. */
  keepAliveS: number | null
  /** Another server is tried if this one does not take writes. */
  wantsPrimary: boolean
  /** Any of the servers first. */
  isShuffled: boolean
}

/**
 * Reads a URL as libpq does (its `Connection URIs`), with what Prisma, Neon and postgres.js put into it as well. What
 * libpq knows is used, is of no effect here, or is a problem: nothing is dropped in silence, and no parameter of a client
 * is sent to the server. Problems are sentences that never quote the password.
 */
export function readDatabaseUrl(url: string): { target: DatabaseTarget; problems: string[] } {
  const problems: string[] = []
  const [, credentials, authority = '', path, query] = form.exec(url) ?? []
  if (!form.test(url)) problems.push('must look like postgres://user:password@host:5432/database')
  const decode = decoder(problems)
  const given = parametersOf(query ?? '', decode)
  for (const name of given.keys()) problems.push(...objections(name, given.get(name) ?? ''))

  const [user, password] = (credentials ?? '').split(/:(.*)/s, 2)
  const text = (name: string) => given.get(name) || null
  const target: DatabaseTarget = {
    servers: serversOf({ authority, given, decode, problems }),
    user: text('user') ?? (user ? decode('the user', user) : null),
    password: text('password') ?? (password ? decode('the password', password) : null),
    database: text('dbname') ?? (path ? decode('the name of the database', path) : null),
    tls: tlsOf(given, problems),
    prepare: given.get('prepare') !== 'false' && given.get('pgbouncer') !== 'true',
    isLoginAhead: given.get('login') === 'ahead',
    applicationName: text('application_name') ?? text('fallback_application_name'),
    options: text('options'),
    connectTimeoutMs: seconds(given, 'connect_timeout', problems),
    keepAliveS: given.get('keepalives') === '0' ? 0 : keepAliveOf(given, problems),
    wantsPrimary: ['read-write', 'primary'].includes(given.get('target_session_attrs') ?? ''),
    isShuffled: given.get('load_balance_hosts') === 'random',
  }
  return { target, problems }
}

const form = /^postgres(?:ql)?:\/\/(?:([^/?]*)@)?([^/?@]*)(?:\/([^?]*))?(?:\?(.*))?$/s

type Decode = (what: string, text: string) => string

/** Percent-encoding, as strict as libpq's. */
function decoder(problems: string[]): Decode {
  return (what, text) => {
    try {
      const plain = decodeURIComponent(text)
      if (!plain.includes('\0')) return plain
      problems.push(`${what} contains %00, which Postgres cannot store`)
    } catch {
      problems.push(
        `${what} is not percent-encoded: write each "%" as %25, "@" as %40, "/" as %2F and "?" as %3F`,
      )
    }
    return ''
  }
}

/** A plus sign is itself here, as for libpq. */
function parametersOf(query: string, decode: Decode): Map<string, string> {
  const pairs = query.split('&').filter(Boolean)
  return new Map(
    pairs.map((pair) => {
      const [name = '', value = ''] = pair.split(/=(.*)/s, 2)
      const plainName = decode('the name of a parameter', name)
      return [plainName, decode(`parameter ${plainName}`, value)]
    }),
  )
}

/** Why a parameter cannot be accepted. */
function objections(name: string, value: string): string[] {
  // never quoted: it may be the end of a password
  if (!/^\w{1,40}$/.test(name))
    return ['the query is not a list of name=value. A "?" in the password is written as %3F']
  if (!Object.hasOwn(parameterUses, name))
    return [`parameter ${name} is not known. A setting of the server is written as options=-c%20name%3Dvalue`]
  const use: ParameterUse = parameterUses[name as keyof typeof parameterUses]
  if (use.does === 'refused') return [`parameter ${name} is not supported. ${use.instead}`]
  if (!use.values || use.values.includes(value)) return []
  const shown = /^[\w.-]{1,40}$/.test(value) ? `${name}=${value}` : `this value of ${name}`
  return [`${shown} is not supported. Use one of ${use.values.filter(Boolean).join(', ')}`]
}

function serversOf({
  authority,
  given,
  decode,
  problems,
}: {
  authority: string
  given: Map<string, string>
  decode: Decode
  problems: string[]
}): DatabaseServer[] {
  const written =
    authority === '' ? [] : authority.split(',').map((entry) => entryOf(entry, decode, problems))
  const listed = (name: string) => given.get(name)?.split(',') ?? []
  const [names, addresses, ports] = [listed('host'), listed('hostaddr'), listed('port')]
  const count = Math.max(names.length || written.length, addresses.length, 1)
  if (ports.length > 1 && ports.length !== count)
    problems.push(`${ports.length} ports for ${count} hosts. Give one port, or one for each host`)
  if (
    addresses.length > 0 &&
    names.length + written.length > 0 &&
    addresses.length !== (names.length || written.length)
  )
    problems.push(`hostaddr has ${addresses.length} addresses; give one for each host`)
  for (const address of addresses) if (isIP(address) === 0) problems.push('hostaddr is not an IP address')
  const port = (index: number) =>
    readPort(ports.length > 0 ? (ports[index] ?? ports[0] ?? '') : (written[index]?.port ?? ''), problems)
  return Array.from({ length: count }, (_, index) => {
    const host = (names.length > 0 ? names[index] : written[index]?.host) || ''
    const address = addresses[index] || host || 'localhost'
    return { name: host || address, address, port: port(index) }
  })
}

/** `host`, `host:port`, `[v6]`, `[v6]:port`, or a socket's folder, percent-encoded. */
function entryOf(entry: string, decode: Decode, problems: string[]): { host: string; port: string } {
  const [, v6, name = '', port = ''] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(.*))?$/s.exec(entry) ?? []
  if (v6 === undefined && name === '' && entry !== '' && !entry.startsWith(':')) {
    problems.push(
      'the host cannot be read. An IPv6 address stands in brackets, and user and password are percent-encoded',
    )
    return { host: '', port: '' }
  }
  if (v6 === undefined) return { host: decode('the host', name), port }
  const host = decode('the host', v6)
  if (isIP(withoutZone(host)) !== 6) problems.push('the host in brackets is not an IPv6 address')
  return { host, port }
}

function readPort(text: string, problems: string[]): number {
  if (text === '') return 5432
  if (/^\d{1,5}$/.test(text) && Number(text) > 0 && Number(text) < 65_536) return Number(text)
  // it may be the end of a password: never quoted
  problems.push(
    'the port is not a number from 1 to 65535. If that is part of the password, percent-encode the password ("/" as %2F, "?" as %3F, "@" as %40)',
  )
  return 5432
}

function seconds(given: Map<string, string>, name: string, problems: string[]): number | null {
  const text = given.get(name) ?? ''
  if (text === '') return null
  if (!/^-?\d{1,6}$/.test(text)) problems.push(`${name} is not a whole number of seconds`)
  return Number(text) > 0 ? Number(text) * 1_000 : null
}

function keepAliveOf(given: Map<string, string>, problems: string[]): number | null {
  const ms = seconds(given, 'keepalives_idle', problems)
  return ms === null ? null : ms / 1_000
}

/**
 * Why a stranger on the way could read the traffic to Postgres, or answer instead of it; null: no one can, or the way is
 * a private network's.
 */
export function exposureOf({ servers, tls }: DatabaseTarget): string | null {
  if (tls.mode === 'verify-full' || servers.every(({ address }) => isPrivateHost(address))) return null
  const host = servers.find(({ address }) => !isPrivateHost(address))?.name ?? ''
  if (tls.mode === 'disable')
    return `DATABASE_URL has no sslmode, so the connection to ${host} is not encrypted`
  if (tls.mode === 'verify-ca')
    return `sslmode=verify-ca does not check that the certificate is that of ${host}`
  return `sslmode=${tls.mode} does not verify the certificate of ${host}`
}

/** Loopback, a private network, a Unix socket, or a name that only a private network knows. */
export function isPrivateHost(host: string): boolean {
  if (host.startsWith('/') || host.startsWith('@')) return true
  const version = isIP(withoutZone(host))
  if (version > 0) return privateRanges().check(withoutZone(host), version === 4 ? 'ipv4' : 'ipv6')
  return !host.includes('.') || /\.(internal|flycast|local|lan|localhost|home\.arpa)\.?$/i.test(host)
}

function privateRanges(): BlockList {
  const list = new BlockList()
  for (const [address, bits] of [
    ['127.0.0.0', 8],
    ['10.0.0.0', 8],
    ['172.16.0.0', 12],
    ['192.168.0.0', 16],
    ['100.64.0.0', 10],
    ['169.254.0.0', 16],
  ] as const)
    list.addSubnet(address, bits, 'ipv4')
  list.addAddress('::1', 'ipv6')
  list.addSubnet('fc00::', 7, 'ipv6')
  list.addSubnet('fe80::', 10, 'ipv6')
  return list
}

/** `fe80::1%eth0` without the name of its interface. */
function withoutZone(host: string): string {
  return host.split('%', 1)[0] as string
}
