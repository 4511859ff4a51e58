/**
 * Every parameter of a Postgres URL that is known: those of libpq 18 (its `Parameter Key Words`), and those of Prisma,
 * JDBC, node-postgres and Neon that are found in the wild. `used`: it has the same effect here. `ignored`: it would
 * change nothing. `refused`: the service does not start, because it would do something else than was asked for.
 * `values`: any other is refused.
 */
export type ParameterUse =
  | { does: 'used'; values?: readonly string[] }
  | { does: 'ignored'; values?: readonly string[] }
  | { does: 'refused'; instead: string }

const used: ParameterUse = { does: 'used' }
const ignored: ParameterUse = { does: 'ignored' }
const oneOf = (...values: string[]): ParameterUse => ({ does: 'used', values })
const ignoredIf = (...values: string[]): ParameterUse => ({ does: 'ignored', values })
const refused = (instead: string): ParameterUse => ({ does: 'refused', instead })

const tlsVersions = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3']
const inUrl = 'Put the values into the URL itself'
const onlyPasswords = 'Use user and password, and sslmode=verify-full'

export const parameterUses = {
  // which server
  host: used,
  hostaddr: used,
  port: used,
  target_session_attrs: oneOf('any', 'read-write', 'primary'),
  load_balance_hosts: oneOf('disable', 'random'),
  connect_timeout: used,
  // who
  dbname: used,
  user: used,
  password: used,
  passfile: refused(inUrl),
  service: refused(inUrl),
  servicefile: refused(inUrl),
  require_auth: refused(`Remove it. ${onlyPasswords}`),
  requirepeer: refused('Remove it'),
  scram_client_key: refused(onlyPasswords),
  scram_server_key: refused(onlyPasswords),
  oauth_issuer: refused(onlyPasswords),
  oauth_client_id: refused(onlyPasswords),
  oauth_client_secret: refused(onlyPasswords),
  oauth_scope: refused(onlyPasswords),
  krbsrvname: ignored,
  gsslib: ignored,
  gssdelegation: ignoredIf('', '0'),
  gssencmode: ignoredIf('', 'disable', 'prefer'),
  // Neon puts `require` into each URL. With verify-full no one can sit in between; with less a warning is logged
  channel_binding: ignoredIf('', 'disable', 'prefer', 'require'),
  // the session
  options: used,
  application_name: used,
  fallback_application_name: used,
  client_encoding: ignoredIf('', 'auto', 'UTF8', 'utf8', 'UTF-8', 'utf-8'),
  replication: refused('Remove it'),
  min_protocol_version: ignoredIf('', '3.0'),
  max_protocol_version: ignoredIf('', '3.0', '3.2', 'latest'),
  // TLS
  sslmode: oneOf('disable', 'allow', 'prefer', 'require', 'no-verify', 'verify-ca', 'verify-full'),
  requiressl: refused('Use sslmode=require'),
  ssl: oneOf('true', 'false', '1', '0', 'require', 'prefer', 'allow', 'disable', 'verify-ca', 'verify-full'),
  sslnegotiation: oneOf('postgres', 'direct'),
  sslrootcert: used,
  sslcert: used,
  sslkey: used,
  sslpassword: used,
  sslcertmode: ignoredIf('', 'allow'),
  sslcrl: used,
  sslcrldir: refused('Use sslcrl'),
  sslcompression: ignoredIf('', '0'),
  sslsni: oneOf('0', '1'),
  sslkeylogfile: refused('Remove it'),
  ssl_min_protocol_version: oneOf(...tlsVersions),
  ssl_max_protocol_version: oneOf(...tlsVersions),
  // every call has a deadline of its own
  keepalives: oneOf('0', '1'),
  keepalives_idle: used,
  keepalives_interval: ignored,
  keepalives_count: ignored,
  tcp_user_timeout: ignored,
  // ours
  login: oneOf('usual', 'ahead'),
  // other clients
  prepare: oneOf('true', 'false'),
  pgbouncer: oneOf('true', 'false'),
  uselibpqcompat: ignored,
  connection_limit: ignored,
  pool_timeout: ignored,
  socket_timeout: ignored,
  statement_cache_size: ignored,
  schema: ignoredIf('', 'public'),
  sslaccept: ignoredIf('', 'strict'),
} as const satisfies Record<string, ParameterUse>
