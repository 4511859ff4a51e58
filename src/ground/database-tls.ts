import { readFileSync } from 'node:fs'

/** `prefer`: if the server offers it. `require`: without a look at the certificate. `verify-ca`: whatever name it has. */
export type TlsMode = 'disable' | 'prefer' | 'require' | 'verify-ca' | 'verify-full'

export type DatabaseTls = {
  mode: TlsMode
  /** No question first: TLS from the first byte (PostgreSQL 17). */
  isDirect: boolean
  sendsName: boolean
  ca?: string
  cert?: string
  key?: string
  passphrase?: string
  crl?: string
  minVersion?: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'
  maxVersion?: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'
}

const secureModes = ['require', 'verify-ca', 'verify-full']

/** What the parameters of a database URL say of TLS, as libpq reads them. */
export function tlsOf(given: Map<string, string>, problems: string[]): DatabaseTls {
  const file = (name: string) => readFile(name, given.get(name) ?? '', problems)
  const rootFile = given.get('sslrootcert') ?? ''
  const mode = modeOf(given, problems)
  const isDirect = given.get('sslnegotiation') === 'direct'
  if (isDirect && !secureModes.includes(mode))
    problems.push('sslnegotiation=direct needs sslmode=require, verify-ca or verify-full')
  if (mode === 'disable') return { mode, isDirect: false, sendsName: true }
  const ca = rootFile === 'system' ? null : file('sslrootcert')
  const [cert, key, crl] = [file('sslcert'), file('sslkey'), file('sslcrl')]
  if (Boolean(given.get('sslcert')) !== Boolean(given.get('sslkey')))
    problems.push('sslcert and sslkey are needed together')
  const passphrase = given.get('sslpassword')
  const [min, max] = [given.get('ssl_min_protocol_version'), given.get('ssl_max_protocol_version')]
  return {
    mode,
    isDirect,
    sendsName: given.get('sslsni') !== '0',
    ...(ca !== null && { ca }),
    ...(cert !== null && { cert }),
    ...(key !== null && { key }),
    ...(crl !== null && { crl }),
    ...(passphrase && { passphrase }),
    ...(min && { minVersion: min as 'TLSv1.2' }),
    ...(max && { maxVersion: max as 'TLSv1.2' }),
  }
}

/** With a root certificate, `require` verifies against it, as libpq does. */
function modeOf(given: Map<string, string>, problems: string[]): TlsMode {
  const wanted = given.get('sslmode') || sslWords[given.get('ssl') ?? ''] || null
  const root = given.get('sslrootcert')
  if (root === 'system') {
    if (wanted !== null && wanted !== 'verify-full')
      problems.push(`sslrootcert=system needs sslmode=verify-full, not ${wanted}`)
    return 'verify-full'
  }
  const mode = wanted ?? (root ? 'verify-ca' : 'disable')
  if (mode === 'no-verify') return 'require'
  if (mode === 'allow') return 'prefer'
  return mode === 'require' && root ? 'verify-ca' : (mode as TlsMode)
}

const sslWords: Record<string, string> = {
  true: 'require',
  '1': 'require',
  false: 'disable',
  '0': 'disable',
  require: 'require',
  prefer: 'prefer',
  allow: 'allow',
  disable: 'disable',
  'verify-ca': 'verify-ca',
  'verify-full': 'verify-full',
}

function readFile(name: string, path: string, problems: string[]): string | null {
  if (path === '') return null
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    problems.push(`${name} names a file that cannot be read (${(error as NodeJS.ErrnoException).code})`)
    return null
  }
}
