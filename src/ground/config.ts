import { readAllowEntry } from './allow.ts'
import { readDatabaseUrl as readTarget } from './database-url.ts'
import { ownPrivileges, type Privileges } from './privileges.ts'

/** The configuration of the service, read once from the environment. Times in milliseconds. */
export type Config = {
  databaseUrl: string | null
  host: string
  port: number
  production: boolean
  provider: string
  nas: NasConfig
  /** Our own public address, without a trailing slash: NAS appends the route of fires, we those of links and callbacks. */
  callbackUrl: string | null
  apiKey: string | null
  /** Calls of the API in a minute, for each key; 0: no limit, neither on these nor on failed checks of keys. */
  rateLimitPerMinute: number
  /** Origins whose pages may call the API from a browser, as browsers write them. */
  corsOrigins: string[]
  /** Where prompts are put whose action does not say it; null: not set. */
  prompt: { baseUrl: string | null; apiKey: string | null; model: string | null }
  /** Private targets that may be called (`readAllowEntry`); in development this machine, unless it is set. */
  targetAllow: string[]
  timezone: string
  /** NAS is asked to call at least once a day, so that a lost wake-up of any job is found within a day. */
  sentinel: boolean
  idleExitMs: number
  bootGraceMs: number
  maxConcurrentRuns: number
  runLeaseMs: number
  drainTimeoutMs: number
  /** A running attempt may go on for so long after the signal to go down; then it is told to stop. */
  drainFinishMs: number
  /** No attempt goes on for longer, whatever its job says. */
  maxRunMs: number
  /** Being up for longer is warned of where the process is to go down by itself; 0: never. */
  maxUptimeMs: number
  /** An event loop that does not turn for so long ends the process; 0: never. */
  stallMs: number
  encryptionKey: Buffer | null
  /** Keys from before `encryptionKey`: data sealed with them can still be read. */
  encryptionKeysOld: Buffer[]
  /** Null: no job may start a program. */
  commands: Pick<CommandConfig, 'env' | 'users'> | null
  commandLimits: Omit<CommandConfig, 'env' | 'users'>
  metricsPort: number | null
  logLevel: string
  /** Who this process is: it stays the same over restarts of a machine. */
  machineId: string
}

/** How programs run that jobs start. */
export type CommandConfig = {
  /** Their environment. */
  env: Record<string, string>
  /** The users that they run as, one each if there are several; null: the user of this process. */
  users: { first: number; count: number; gid: number | null } | null
  /** Of each process; 0: no limit. */
  memoryMb: number
  processorS: number
  /** Of all processes of one user of `users`; 0: no limit. */
  processes: number
  /** Of the folder of one run; 0: no limit. */
  folderMb: number
}

export type NasConfig = {
  portalUrl: string | null
  jwksUrl: string | null
  audience: string | null
  accessToken: string | null
  refreshToken: string | null
  tokenUrl: string | null
  clientId: string | null
  /** An arm further ahead than this is made at the horizon instead. */
  maxHorizonMs: number
}

/** Everything that is wrong with the environment, in one message; exit status 78 (EX_CONFIG of sysexits.h). */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  static readonly exitStatus = 78
}

type Env = Record<string, string | undefined>

/** @throws ConfigError: names every invalid variable, the rule and its value (never a secret). */
export function readConfig(env: Env = process.env, privileges: () => Privileges = ownPrivileges): Config {
  const problems: string[] = []
  const { text, secret, integer, url, base, isOn } = readers(env, problems)
  const production = env['NODE_ENV'] === 'production'
  const config: Config = {
    databaseUrl: databaseUrl(env, problems),
    host: text('HOST') ?? '0.0.0.0',
    port: integer('PORT', 8080, 0, 65_535),
    production,
    provider: text('CRON_PROVIDER') ?? '',
    nas: {
      portalUrl: url('NAS_PORTAL_URL'),
      jwksUrl: url('NAS_JWKS_URL'),
      audience: text('NAS_AUDIENCE'),
      accessToken: secret('NAS_ACCESS_TOKEN'),
      refreshToken: secret('NAS_REFRESH_TOKEN'),
      tokenUrl: url('NAS_TOKEN_URL'),
      clientId: text('NAS_CLIENT_ID'),
      maxHorizonMs: integer('NAS_MAX_HORIZON', 7 * 86_400_000, 60_000, 10 * 365 * 86_400_000),
    },
    callbackUrl: base('CALLBACK_URL'),
    apiKey: secret('API_KEY', /^[\x21-\x7e]{16,}$/, 'at least 16 printable characters without spaces'),
    rateLimitPerMinute: integer('RATE_LIMIT_PER_MINUTE', 600, 0, 1_000_000),
    corsOrigins: corsOrigins(text('CORS_ORIGINS') ?? '', problems),
    prompt: {
      // a model is often a neighbour on a private network, without TLS
      baseUrl: url('PROMPT_BASE_URL', { isPlainAllowed: true }),
      apiKey: secret('PROMPT_API_KEY', /^[\x21-\x7e]+$/, 'printable characters without spaces'),
      model: text('PROMPT_MODEL'),
    },
    targetAllow: targetAllow(text('TARGET_ALLOW') ?? (production ? '' : '127.0.0.0/8,::1'), problems),
    timezone: text('CRON_TIMEZONE') ?? 'UTC',
    sentinel: isOn('SENTINEL'),
    idleExitMs: integer('IDLE_EXIT_MS', 0, 0, 86_400_000),
    bootGraceMs: integer('BOOT_GRACE_MS', 60_000, 0, 86_400_000),
    maxConcurrentRuns: integer('MAX_CONCURRENT_RUNS', 20, 1, 10_000),
    runLeaseMs: integer('RUN_LEASE_MS', 300_000, 1_000, 86_400_000),
    drainTimeoutMs: integer('DRAIN_TIMEOUT_MS', 25_000, 0, 300_000),
    drainFinishMs: integer('DRAIN_FINISH_MS', 0, 0, 300_000),
    maxRunMs: integer('MAX_RUN_MS', 3_660_000, 1_000, 86_400_000),
    maxUptimeMs: integer('MAX_UPTIME', 3_600_000, 0, 86_400_000),
    stallMs: integer('STALL_MS', 60_000, 0, 3_600_000),
    encryptionKey: encryptionKey(secret('ENCRYPTION_KEY'), problems),
    encryptionKeysOld: oldEncryptionKeys(secret('ENCRYPTION_KEYS_OLD'), problems),
    commands: commands(env, problems, privileges),
    commandLimits: {
      memoryMb: integer('COMMAND_MEMORY_MB', 0, 0, 1_000_000),
      processorS: integer('COMMAND_PROCESSOR_S', 0, 0, 86_400),
      processes: integer('COMMAND_PROCESSES', 256, 0, 1_000_000),
      folderMb: integer('COMMAND_FOLDER_MB', 1_024, 0, 1_000_000),
    },
    metricsPort: text('METRICS_PORT') === null ? null : integer('METRICS_PORT', 9091, 0, 65_535),
    logLevel: text('LOG_LEVEL') ?? 'info',
    machineId: text('FLY_MACHINE_ID') ?? 'local',
  }
  checkTogether(config, problems)
  if (problems.length > 0)
    throw new ConfigError(`Invalid configuration:\n${problems.map((line) => `  - ${line}`).join('\n')}`)
  return config
}

/** For the migration, which needs nothing else. @throws ConfigError */
export function readMigrationConfig(
  env: Env = process.env,
): Pick<Config, 'encryptionKey' | 'encryptionKeysOld'> & { databaseUrl: string } {
  const problems: string[] = []
  const { secret } = readers(env, problems)
  const url = databaseUrl(env, problems)
  const keys = {
    encryptionKey: encryptionKey(secret('ENCRYPTION_KEY'), problems),
    encryptionKeysOld: oldEncryptionKeys(secret('ENCRYPTION_KEYS_OLD'), problems),
  }
  if (url && problems.length === 0) return { databaseUrl: url, ...keys }
  throw new ConfigError(problems.join('\n') || 'DATABASE_URL is required: the URL of a Postgres database')
}

function databaseUrl(env: Env, problems: string[]): string | null {
  const url = readers(env, problems).secret('DATABASE_URL')
  if (url === null) return null
  const wrong = readTarget(url).problems.map((problem) => `DATABASE_URL: ${problem}`)
  problems.push(...wrong)
  return wrong.length > 0 ? null : url
}

function targetAllow(list: string, problems: string[]): string[] {
  const entries = list
    .split(',')
    .map((entry) => entry.trim())
    .filter(Boolean)
  const wrong = entries.filter((entry) => readAllowEntry(entry) === null)
  for (const entry of wrong)
    problems.push(
      `TARGET_ALLOW: "${entry}" is not a host name, *.name, an address (each also with :port) or a range such as 10.0.0.0/8`,
    )
  return entries
}

/** Each exactly as a browser sends it in `Origin`. */
function corsOrigins(list: string, problems: string[]): string[] {
  const entries = list
    .split(',')
    .map((entry) => entry.trim())
    .filter(Boolean)
  return entries.flatMap((entry) => {
    const url = URL.parse(entry)
    const isOrigin =
      (url?.protocol === 'https:' || url?.protocol === 'http:') &&
      url.href === `${url.origin}/` &&
      !url.host.includes('*')
    if (url && isOrigin) return [url.origin]
    problems.push(
      `CORS_ORIGINS: "${entry.slice(0, 100)}" is not an origin. List origins such as https://dashboard.example.com, separated by commas ("*" is not supported)`,
    )
    return []
  })
}

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']

function checkTogether(config: Config, problems: string[]) {
  const { nas } = config
  if (config.production && !config.databaseUrl)
    problems.push('DATABASE_URL is required: the URL of a Postgres database')
  if (config.production && !config.apiKey)
    problems.push('API_KEY is required: the first API key of this service')
  if (!logLevels.includes(config.logLevel)) {
    problems.push(`LOG_LEVEL must be one of ${logLevels.join(', ')}, not "${config.logLevel}"`)
  }
  if (!isZone(config.timezone))
    problems.push(`CRON_TIMEZONE must be an IANA time zone such as Europe/Berlin, not "${config.timezone}"`)
  const userCount = config.commands?.users?.count ?? 1
  if (userCount > 1 && userCount < config.maxConcurrentRuns)
    problems.push(
      `COMMAND_UID has ${userCount} users for ${config.maxConcurrentRuns} concurrent runs (MAX_CONCURRENT_RUNS). Give it one user for each run, or a single user for all`,
    )
  if (config.encryptionKeysOld.length > 0 && !config.encryptionKey)
    problems.push('ENCRYPTION_KEY is required with ENCRYPTION_KEYS_OLD: old keys only decrypt')
  if (nas.refreshToken && !nas.accessToken) {
    if (!nas.tokenUrl) problems.push('NAS_TOKEN_URL is required with NAS_REFRESH_TOKEN')
    if (!nas.clientId) problems.push('NAS_CLIENT_ID is required with NAS_REFRESH_TOKEN')
    if (!config.encryptionKey)
      problems.push('ENCRYPTION_KEY is required with NAS_REFRESH_TOKEN: tokens are stored encrypted')
  }
}

/**
 * Everything in the configuration that must never be seen: the values themselves, and of a URL its password too.
 * Add every further secret of the environment here; a test compares the two.
 */
export function secretsOf(config: Config): string[] {
  const { accessToken, refreshToken } = config.nas
  const keys = [config.encryptionKey, ...config.encryptionKeysOld].filter((key) => key !== null)
  const given = [
    config.apiKey,
    config.prompt.apiKey,
    accessToken,
    refreshToken,
    ...passwordsOf(config.databaseUrl),
  ]
  return [
    ...given.filter((value) => value !== null),
    ...keys.flatMap((key) => [key.toString('base64'), key.toString('base64url'), key.toString('hex')]),
  ]
}

function passwordsOf(address: string | null): string[] {
  const password = address === null ? null : readTarget(address).target.password
  if (!password) return []
  // as it is written in the URL as well
  return [...new Set([...writtenPasswords(address ?? ''), password])]
}

function writtenPasswords(address: string): string[] {
  const inAuthority = /^[a-z]+:\/\/[^:/?]*:([^/?]*)@/.exec(address)?.[1]
  const inQuery = /[?&]password=([^&]*)/.exec(address)?.[1]
  return [inAuthority, inQuery].filter((text) => text !== undefined && text !== '') as string[]
}

const usualForCommands = ['PATH', 'LANG', 'TZ']
/** Not even by COMMAND_ENV_ALLOW: with one of these a program could act as this service. */
const neverForCommands = [
  ...['DATABASE_URL', 'API_KEY', 'ENCRYPTION_KEY', 'ENCRYPTION_KEYS_OLD'],
  ...['NAS_ACCESS_TOKEN', 'NAS_REFRESH_TOKEN', 'PROMPT_API_KEY'],
]

function commands(env: Env, problems: string[], privileges: () => Privileges): Config['commands'] {
  const { text, isOn } = readers(env, problems)
  const areOn = isOn('COMMANDS')
  const more = (text('COMMAND_ENV_ALLOW') ?? '').split(/[\s,]+/).filter(Boolean)
  for (const name of more) {
    if (neverForCommands.includes(name))
      problems.push(`COMMAND_ENV_ALLOW must not name ${name}, which holds a secret of this service`)
    else if (!/^[A-Za-z_]\w*$/.test(name))
      problems.push(`COMMAND_ENV_ALLOW: "${name}" is not a variable name. Separate names by commas`)
  }
  const users = commandUsers(env, problems)
  if (!areOn) return null
  checkUsers(users, problems, privileges())
  const given = [...usualForCommands, ...more].map((name) => [name, env[name]] as const)
  const seen = given.filter((pair): pair is readonly [string, string] => pair[1] !== undefined)
  return { env: Object.fromEntries(seen), users }
}

const largestId = 2 ** 31 - 1

/** `20000`: all programs run as this user; `20000-20019`: each that runs at the same time as another one of its own. */
function commandUsers(env: Env, problems: string[]): CommandConfig['users'] {
  const { text, integer } = readers(env, problems)
  const value = text('COMMAND_UID')
  if (value === null) {
    if (text('COMMAND_GID') !== null) problems.push('COMMAND_UID is required with COMMAND_GID')
    return null
  }
  const gid = text('COMMAND_GID') === null ? null : integer('COMMAND_GID', 0, 1, largestId)
  const [, from = '', to = from] = /^(\d{1,10})(?:-(\d{1,10}))?$/.exec(value) ?? []
  const [first, last] = [Number(from), Number(to)]
  const isRange = from !== '' && first >= 1 && first <= last && last <= largestId
  // A program that runs as root is this service, and more.
  if (isRange) return { first, count: last - first + 1, gid }
  problems.push(
    `COMMAND_UID must be the number of a user other than root, or a range such as 20000-20019, not "${value}"`,
  )
  return null
}

function checkUsers(
  users: CommandConfig['users'],
  problems: string[],
  { uid, mayChangeUsers }: Privileges,
): void {
  if (!users) {
    if (mayChangeUsers && problems.every((line) => !line.startsWith('COMMAND_UID')))
      problems.push(
        'COMMAND_UID is required with COMMANDS=on, because this process may change users. ' +
          'Set it to users that only programs have (20000-20019), so that programs cannot read the secrets of this service',
      )
    return
  }
  if (!mayChangeUsers)
    problems.push(
      'COMMAND_UID is set, but this process may not start programs as another user. ' +
        'Start it as root (with the capabilities CHOWN, DAC_OVERRIDE, KILL, SETGID and SETUID), or remove COMMAND_UID',
    )
  if (uid !== null && uid >= users.first && uid < users.first + users.count)
    problems.push(`COMMAND_UID includes ${uid}, the user of this process. Programs need a user of their own`)
}

function isZone(zone: string): boolean {
  if (zone === 'UTC') return true
  try {
    return Boolean(Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(zone))
  } catch {
    return false
  }
}

function encryptionKey(value: string | null, problems: string[]): Buffer | null {
  if (value === null) return null
  const key = Buffer.from(value, 'base64')
  const wrong = wrongWithKey(key)
  if (wrong === null) return key
  problems.push(`ENCRYPTION_KEY must be 32 random bytes as base64 (openssl rand -base64 32), not ${wrong}`)
  return null
}

/** Null: it may well be random. Of 32 random bytes hardly any two are the same, or the same step apart. */
function wrongWithKey(key: Buffer): string | null {
  if (key.length !== 32) return `${key.length} bytes`
  const steps = key.map((byte, index) => byte - (key[index - 1] ?? 0))
  const isRandom = [key, steps].every((bytes) => new Set(bytes).size >= leastVariety)
  return isRandom ? null : 'bytes that follow a pattern'
}

/** Random ones have about 30, and hex digits instead of random bytes about 14. */
const leastVariety = 8

/** Separated by commas. An invalid entry is named by its position, never quoted. */
function oldEncryptionKeys(value: string | null, problems: string[]): Buffer[] {
  const entries = (value ?? '').split(',').map((entry) => entry.trim())
  return entries.filter(Boolean).flatMap((entry, index) => {
    const key = Buffer.from(entry, 'base64')
    // a weak key still has to decrypt its data until that is resealed
    if (key.length === 32) return [key]
    problems.push(
      `ENCRYPTION_KEYS_OLD: entry ${index + 1} must be 32 bytes as base64, not ${key.length} bytes`,
    )
    return []
  })
}

function readers(env: Env, problems: string[]) {
  const text = (name: string): string | null => env[name]?.trim() || null

  function secret(name: string, form?: RegExp, rule?: string): string | null {
    const value = text(name)
    if (value === null || !form || form.test(value)) return value
    problems.push(`${name} must be ${rule}`)
    return null
  }

  function integer(name: string, fallback: number, least: number, most: number): number {
    const value = text(name)
    if (value === null) return fallback
    if (/^\d{1,15}$/.test(value) && Number(value) >= least && Number(value) <= most) return Number(value)
    problems.push(`${name} must be a whole number from ${least} to ${most}, not "${value}"`)
    return fallback
  }

  function url(name: string, { isPlainAllowed = false } = {}): string | null {
    const value = text(name)
    if (value === null) return null
    const parsed = URL.canParse(value) ? new URL(value) : null
    const isLoopback = parsed !== null && /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(parsed.hostname)
    if (parsed?.protocol === 'https:' || (parsed?.protocol === 'http:' && (isLoopback || isPlainAllowed)))
      return value.replace(/\/+$/, '')
    const rule = isPlainAllowed ? 'an http or https URL' : 'an https URL (plain http for loopback only)'
    problems.push(`${name} must be ${rule}, not "${parsed?.origin ?? value}"`)
    return null
  }

  /** The address that routes are appended to; one that ends in the route of fires is cut to it. */
  function base(name: string): string | null {
    const value = url(name)
    if (value === null || !/[?#]/.test(value)) return value && value.replace(/\/*(\/api\/cron\/fire)?$/, '')
    problems.push(
      `${name} must not have a query or a fragment. Use the base URL of this service, such as https://app.fly.dev`,
    )
    return null
  }

  function isOn(name: string): boolean {
    const value = text(name) ?? 'off'
    if (value !== 'on' && value !== 'off') problems.push(`${name} must be "on" or "off", not "${value}"`)
    return value === 'on'
  }

  return { text, secret, integer, url, base, isOn }
}
