import { commands, type CommandConfig, programsAtOnce } from './config-commands.ts'
import {
  corsOrigins,
  encryptionKey,
  type Env,
  isZone,
  oldEncryptionKeys,
  readers,
  targetAllow,
} from './config-values.ts'
import { type CloudTasksConfig, cloudTasks, secretsOfKey } from './config-cloud-tasks.ts'
import { secretsOfHeaders, telemetry, type TelemetryConfig } from './config-telemetry.ts'
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
  qstash: QstashConfig
  cloudTasks: CloudTasksConfig
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
  /** Attempts of this process at once; most of them wait for the network. */
  /** Null: as many as the memory of the machine has room for (src/ground/config-places.ts). */
  maxConcurrentRuns: number | null
  /** Of these, the ones that run a program; null: as many as suit the machine. */
  maxConcurrentPrograms: number | null
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
  /** For how long rows are kept that belong to no job's policy. */
  lives: { auditDays: number; historyDays: number; idempotencyDays: number }
  metricsPort: number | null
  telemetry: TelemetryConfig
  logLevel: string
  /** Who this process is: it stays the same over restarts of a machine. */
  machineId: string
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

export type QstashConfig = {
  url: string
  token: string | null
  currentSigningKey: string | null
  nextSigningKey: string | null
  /** Tries of a fire after the first one. */
  retries: number
  /** As `maxHorizonMs` of NAS: the longest delay of the plan. */
  maxHorizonMs: number
}

/** Everything that is wrong with the environment, in one message; exit status 78 (EX_CONFIG of sysexits.h). */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  static readonly exitStatus = 78
}

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
      maxHorizonMs: integer('NAS_MAX_HORIZON', 7 * 86_400_000, 60_000, longestHorizonMs),
    },
    qstash: {
      url: url('QSTASH_URL') ?? 'https://qstash.upstash.io',
      token: secret('QSTASH_TOKEN', ...printable),
      currentSigningKey: secret('QSTASH_CURRENT_SIGNING_KEY', ...printable),
      nextSigningKey: secret('QSTASH_NEXT_SIGNING_KEY', ...printable),
      retries: integer('QSTASH_RETRIES', 3, 0, 100),
      maxHorizonMs: integer('QSTASH_MAX_HORIZON', 7 * 86_400_000, 60_000, longestHorizonMs),
    },
    cloudTasks: cloudTasks({ text, secret, integer, url }, problems),
    callbackUrl: base('CALLBACK_URL'),
    apiKey: secret('API_KEY', /^[\x21-\x7e]{16,}$/, 'at least 16 printable characters without spaces'),
    rateLimitPerMinute: integer('RATE_LIMIT_PER_MINUTE', 600, 0, 1_000_000),
    corsOrigins: corsOrigins(text('CORS_ORIGINS') ?? '', problems),
    prompt: {
      // a model is often a neighbour on a private network, without TLS
      baseUrl: url('PROMPT_BASE_URL', { isPlainAllowed: true }),
      apiKey: secret('PROMPT_API_KEY', ...printable),
      model: text('PROMPT_MODEL'),
    },
    targetAllow: targetAllow(text('TARGET_ALLOW') ?? (production ? '' : '127.0.0.0/8,::1'), problems),
    timezone: text('CRON_TIMEZONE') ?? 'UTC',
    sentinel: isOn('SENTINEL'),
    idleExitMs: integer('IDLE_EXIT_MS', 0, 0, 86_400_000),
    bootGraceMs: integer('BOOT_GRACE_MS', 60_000, 0, 86_400_000),
    maxConcurrentRuns:
      text('MAX_CONCURRENT_RUNS') === null ? null : integer('MAX_CONCURRENT_RUNS', 1, 1, 10_000),
    maxConcurrentPrograms:
      text('MAX_CONCURRENT_PROGRAMS') === null ? null : integer('MAX_CONCURRENT_PROGRAMS', 1, 1, 10_000),
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
    lives: {
      auditDays: integer('AUDIT_DAYS', 365, 1, 36_500),
      historyDays: integer('HISTORY_DAYS', 400, 1, 36_500),
      idempotencyDays: integer('IDEMPOTENCY_DAYS', 30, 1, 3_650),
    },
    metricsPort: text('METRICS_PORT') === null ? null : integer('METRICS_PORT', 9091, 0, 65_535),
    telemetry: telemetry({ text, secret, integer, url }, problems),
    logLevel: text('LOG_LEVEL') ?? 'info',
    machineId: text('FLY_MACHINE_ID') ?? 'local',
  }
  checkTogether(config, problems)
  if (problems.length > 0)
    throw new ConfigError(`Invalid configuration:\n${problems.map((line) => `  - ${line}`).join('\n')}`)
  return config
}

/** Whether fires of NAS can be verified, for which its signing keys are needed. */
export function verifiesNas({ nas }: Pick<Config, 'nas'>): boolean {
  return nas.portalUrl !== null && nas.audience !== null
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

const printable = [/^[\x21-\x7e]+$/, 'printable characters without spaces'] as const
const longestHorizonMs = 10 * 365 * 86_400_000

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
  const programs = programsAtOnce(config)
  if (userCount > 1 && userCount < programs)
    problems.push(
      `COMMAND_UID has ${userCount} users for ${programs} concurrent programs (MAX_CONCURRENT_PROGRAMS). Give it one user for each program, or a single user for all`,
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
  const { token, currentSigningKey, nextSigningKey } = config.qstash
  const keys = [config.encryptionKey, ...config.encryptionKeysOld].filter((key) => key !== null)
  const given = [
    config.apiKey,
    config.prompt.apiKey,
    accessToken,
    refreshToken,
    token,
    currentSigningKey,
    nextSigningKey,
    ...secretsOfKey(config.cloudTasks.key),
    ...passwordsOf(config.databaseUrl),
    ...secretsOfHeaders(config.telemetry),
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
