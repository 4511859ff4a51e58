import { readFileSync } from 'node:fs'

export type DatabaseTarget = {
  /** What postgres.js is given: the same URL without the parameters that it or the server would choke on. */
  url: string
  /** False where a transaction pooler stands in front: a named statement may be gone at the next transaction. */
  prepare: boolean
  /** Only with `sslrootcert=<path>`; otherwise postgres.js reads `sslmode` from the URL itself. */
  ssl?: { ca: string; checkServerIdentity?: () => undefined }
}

/**
 * A Postgres URL as other programs write it (libpq, Neon, Prisma), made fit for postgres.js, which sends every
 * parameter that it does not know to the server as a setting (42704 for `channel_binding`).
 *
 * `prepare=false` and `pgbouncer=true` both mean: no prepared statements.
 */
export function readDatabaseUrl(url: string): DatabaseTarget {
  const [address = '', query = ''] = url.split('?', 2)
  const parameters = new URLSearchParams(query)
  const prepare = parameters.get('prepare') !== 'false' && parameters.get('pgbouncer') !== 'true'
  const rootCertificate = parameters.get('sslrootcert')
  const mode = parameters.get('sslmode')
  for (const name of clientOnly) parameters.delete(name)
  if (rootCertificate === 'system') parameters.set('ssl', 'verify-full')

  const rest = parameters.toString()
  const target: DatabaseTarget = { url: rest ? `${address}?${rest}` : address, prepare }
  if (rootCertificate && rootCertificate !== 'system' && mode !== 'disable') {
    target.ssl = { ca: readFileSync(rootCertificate, 'utf8') }
    if (mode !== 'verify-full') target.ssl.checkServerIdentity = () => undefined
  }
  return target
}

// Read by the client alone (libpq's list; the last four are Prisma's).
const clientOnly = [
  'channel_binding',
  'gssencmode',
  'keepalives',
  'keepalives_count',
  'keepalives_idle',
  'keepalives_interval',
  'prepare',
  'sslcert',
  'sslcompression',
  'sslkey',
  'sslpassword',
  'sslrootcert',
  'sslsni',
  'tcp_user_timeout',
  'connection_limit',
  'pgbouncer',
  'pool_timeout',
  'schema',
]
