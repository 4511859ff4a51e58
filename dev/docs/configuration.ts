import { writeFileSync } from 'node:fs'
import { type Config, ConfigError, readConfig as readWith } from '../../src/ground/config.ts'

/**
 * docs/configuration.md. The descriptions below are written by hand; which variables there are, their defaults and
 * their allowed values are asked of `readConfig`. Written by `node dev/docs/configuration.ts`.
 */
export function configurationPage(): string {
  const described = groups.flatMap(({ variables }) => Object.keys(variables))
  const read = variablesRead()
  const missing = [...read].filter((name) => !described.includes(name))
  const unknown = described.filter((name) => !read.has(name))
  if (missing.length + unknown.length > 0)
    throw new Error(`describe ${missing.join(', ') || 'nothing'}; remove ${unknown.join(', ') || 'nothing'}`)
  const defaults = flat(readConfig({}))
  const tables = groups.map(({ title, intro, variables }) => {
    const rows = Object.entries(variables).map(([name, meaning]) => {
      const value = defaults[fieldOf(name)] ?? ''
      const usual = ['', 'false', 'null'].includes(value) ? '–' : `\`${value}\`${remarks[name] ?? ''}`
      return `| \`${name}\` | ${meaning}${allowed(name)} | ${usual} |`
    })
    return [
      `## ${title}`,
      '',
      ...(intro ? [intro, ''] : []),
      '| variable | meaning | default |',
      '|---|---|---|',
      ...rows,
      '',
    ].join('\n')
  })
  return [introduction, ...tables].join('\n')
}

export const configurationFile = new URL('../../docs/configuration.md', import.meta.url)

type Env = Record<string, string | undefined>

/** As a process that may change users: only such a one takes COMMAND_UID. */
const readConfig = (env: Env) => readWith(env, () => ({ uid: 0, mayChangeUsers: true }))

function variablesRead(): Set<string> {
  const read = new Set<string>()
  const watched = new Proxy<Env>({}, { get: (_env, name) => void read.add(String(name)) })
  readConfig(watched)
  return read
}

/** The range of a number, or the words, as the service's own message names them for a value that it refuses. */
function allowed(name: string): string {
  const [, range, words] =
    /must be (?:a whole number (from \d+ to \d+)|(one of .*?)), not/.exec(problemWith(name, '?')) ?? []
  if (range) return `; ${range}`
  return words ? `; ${words}` : ''
}

function problemWith(name: string, value: string): string {
  try {
    readConfig({ ...whole, [name]: value })
    return ''
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.message.split('\n').find((line) => line.includes(`${name} must be`)) ?? ''
  }
}

// Every variable that another one needs, so that each can be changed by itself.
const whole = {
  DATABASE_URL: 'postgres://user@db.example/chronos',
  API_KEY: 'a-key-of-sixteen-or-more',
  NAS_REFRESH_TOKEN: 'token',
  NAS_TOKEN_URL: 'https://nas.example/token',
  NAS_CLIENT_ID: 'client',
  ENCRYPTION_KEY: 'n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=',
  COMMANDS: 'on',
  COMMAND_UID: '61000',
  OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector.example',
  OTEL_TRACES_SAMPLER: 'traceidratio',
}
const candidates = [
  ...['production', '50', '2000', '70000', 'debug', 'Europe/Berlin', 'https://other.example', 'on', 'off'],
  ...['postgres://other@db.example/chronos', 'ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=', 'NAS_CLIENT_ID'],
  ...['a=b', 'true', 'http/json', 'always_off', '0.5'],
  ...['projects/a/locations/b/queues/c', '{"client_email":"a@b","private_key":"PRIVATE KEY"}'],
]

/** The field of the configuration that a variable sets: the one that differs if the variable does. */
function fieldOf(name: string): string {
  const before = flat(readConfig(whole))
  for (const candidate of candidates) {
    try {
      const after = flat(readConfig({ ...whole, [name]: candidate }))
      const changed = Object.keys(after).find((field) => after[field] !== before[field])
      if (changed) return changed
    } catch (error) {
      // not a value for this variable; the next one is
      if (!(error instanceof ConfigError)) throw error
    }
  }
  throw new Error(`no candidate changes what ${name} sets; add one`)
}

function flat({
  nas,
  qstash,
  cloudTasks,
  prompt,
  commands,
  commandLimits,
  telemetry,
  lives,
  ...rest
}: Config): Record<string, string> {
  const { users, env } = commands ?? { users: null, env: {} }
  const all = {
    ...rest,
    ...nas,
    ...lives,
    ...under('qstash', qstash),
    ...under('cloudTasks', cloudTasks),
    ...under('prompt', prompt),
    ...under('telemetry', {
      ...telemetry,
      headers: Object.keys(telemetry.headers).join(),
      attributes: Object.keys(telemetry.attributes).join(),
    }),
    commands: commands !== null,
    commandUid: users?.first ?? null,
    commandGid: users?.gid ?? null,
    commandEnv: Object.keys(env).join(),
    ...commandLimits,
  }
  return Object.fromEntries(Object.entries(all).map(([key, value]) => [key, String(value)]))
}

function under(name: string, fields: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [`${name}.${key}`, value]))
}

/** Behind a default. */
const remarks: Record<string, string> = {
  OTEL_TRACES_SAMPLER: ' (`always_on`: all of them)',
  NAS_MAX_HORIZON: ' (7 days)',
  CLOUD_TASKS_MAX_HORIZON: ' (29 days)',
  QSTASH_MAX_HORIZON: ' (7 days, the free plan)',
  RUN_LEASE_MS: ' (5 min)',
  MAX_RUN_MS: ' (61 min)',
  MAX_UPTIME: ' (1 h)',
  TARGET_ALLOW: ' (none in production)',
}

type Group = { title: string; intro?: string; variables: Record<string, string> }

const groups: Group[] = [
  {
    title: 'The process',
    variables: {
      DATABASE_URL:
        'Postgres, directly or through a transaction pooler (`?prepare=false`); [every parameter](deploy.md#the-database-url). Required in production. Otherwise a local one is started under `.chronos/`',
      HOST: 'address to listen on',
      PORT: 'port to listen on; 0 picks a free one',
      NODE_ENV:
        '`production` makes `DATABASE_URL` and `API_KEY` required, and ends a process whose event loop hangs (`STALL_MS`)',
      API_KEY:
        'the first API key, at least 16 characters. Required in production. Otherwise one is made and printed at start',
      CALLBACK_URL:
        'our own public base URL (`https://app.fly.dev`). NAS appends `/api/cron/fire`; a value that ends in this route is cut to the base',
      CRON_TIMEZONE: 'time zone of jobs that name none',
      LOG_LEVEL: 'the lowest level that is logged',
      METRICS_PORT: 'serves `/metrics` on a port of its own, without a key, for a private network',
      FLY_MACHINE_ID: 'name of this machine, the same over restarts; set by Fly',
    },
  },
  {
    title: 'How long history is kept',
    intro:
      'Of what belongs to no job: a job says itself how long its runs are kept ([history](history.md)). Old rows go some at a time, by processes that are up for a minute or about to exit.',
    variables: {
      AUDIT_DAYS: 'days for which the audit log is kept, and at most a million entries',
      HISTORY_DAYS:
        'days for which the sums of a job and day are kept, and the spans of slots that became no run',
      IDEMPOTENCY_DAYS: 'days after which an `Idempotency-Key` may be used again',
    },
  },
  {
    title: 'The timer service',
    intro:
      'A login is either the static `NAS_ACCESS_TOKEN`, or `NAS_REFRESH_TOKEN` with `NAS_TOKEN_URL`, `NAS_CLIENT_ID` and `ENCRYPTION_KEY`.',
    variables: {
      CRON_PROVIDER:
        'what wakes us: `chronos` (NAS), `qstash`, `cloud-tasks`, `pg` (`pg_cron` of the database), or `builtin` (this process is the timer and stays up) ([timers](timers.md)). Empty means `builtin`. A value that is unknown or not fully configured falls back to `builtin` with a warning that names what is missing',
      NAS_PORTAL_URL: 'base URL of NAS, and the `iss` of its fire tokens; https, or http to loopback',
      NAS_JWKS_URL: 'its signing keys. Unset: `{NAS_PORTAL_URL}/.well-known/jwks.json`',
      NAS_AUDIENCE: 'the `aud` of fire tokens, `agent:{instance_id}`',
      NAS_ACCESS_TOKEN:
        'a static access token, for tests and for tokens made for this purpose: ordinary ones live for about 15 minutes. The log warns at start if it is a JWT that expires. With a complete login beside it, the login takes over when it expires or NAS refuses it',
      NAS_REFRESH_TOKEN: 'the first refresh token of a login; its successors are kept in Postgres',
      NAS_TOKEN_URL: 'where tokens are refreshed; required with `NAS_REFRESH_TOKEN`',
      NAS_CLIENT_ID: 'client id of the login; required with `NAS_REFRESH_TOKEN`',
      NAS_MAX_HORIZON:
        'ms; a wake-up further ahead is armed at this distance first, and that wake arms the next one',
      SENTINEL:
        '`on`: NAS calls at least once a day, so that a lost wake-up of any job is found within a day ([bounds](operations.md#a-wake-up-was-lost))',
    },
  },
  {
    title: 'QStash',
    intro:
      'With `CRON_PROVIDER=qstash` ([set up](timers.md#qstash)). The first four have the names that the console of Upstash shows.',
    variables: {
      QSTASH_URL: 'where the API of your region is; https, or http to loopback',
      QSTASH_TOKEN: 'the token of the API; required',
      QSTASH_CURRENT_SIGNING_KEY: 'the key that fires are signed with; required',
      QSTASH_NEXT_SIGNING_KEY: 'the key that takes its place when the keys are rolled; required',
      QSTASH_RETRIES: 'tries of a fire after the first one, at most those of your plan',
      QSTASH_MAX_HORIZON:
        'ms; the longest delay of your plan. A wake-up further ahead is armed at this distance first, and that wake arms the next one',
    },
  },
  {
    title: 'Google Cloud Tasks',
    intro: 'With `CRON_PROVIDER=cloud-tasks` ([set up](timers.md#google-cloud-tasks)).',
    variables: {
      CLOUD_TASKS_QUEUE: 'the queue, `projects/PROJECT/locations/LOCATION/queues/QUEUE`; required',
      CLOUD_TASKS_KEY:
        'the JSON key file of the service account that makes tasks, as text or as base64; required',
      CLOUD_TASKS_CALLER: 'the service account whose token each fire brings. Unset: that of the key',
      CLOUD_TASKS_URL: 'the API; https, or http to loopback',
      CLOUD_TASKS_JWKS_URL: "Google's signing keys",
      CLOUD_TASKS_MAX_HORIZON: 'ms; a wake-up further ahead is armed at this distance first',
    },
  },
  {
    title: 'Metrics and traces',
    intro: 'A push by OTLP over HTTP ([metrics](metrics.md#push)), by the variables of OpenTelemetry.',
    variables: {
      OTEL_EXPORTER_OTLP_ENDPOINT:
        'base address of a collector for both; `/v1/metrics` and `/v1/traces` are appended',
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'the whole address for metrics',
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'the whole address for traces',
      OTEL_EXPORTER_OTLP_HEADERS: '`key=value`, percent-encoded, separated by commas; kept secret',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'the form of what is sent',
      OTEL_EXPORTER_OTLP_TIMEOUT:
        'ms; the longest that a call of the collector may take, that before the exit too',
      OTEL_METRIC_EXPORT_INTERVAL: 'ms between two pushes of a process that stays up',
      OTEL_SERVICE_NAME: '`service.name` of the resource',
      OTEL_RESOURCE_ATTRIBUTES:
        'further attributes of the resource: `key=value`, percent-encoded, separated by commas',
      OTEL_TRACES_SAMPLER: 'which traces are kept',
      OTEL_TRACES_SAMPLER_ARG: 'for `traceidratio`: the share that is kept, from 0 to 1. Unset: 1',
      OTEL_SDK_DISABLED: '`true`: nothing is pushed',
    },
  },
  {
    title: 'Going up and down',
    variables: {
      IDLE_EXIT_MS:
        'ms; exit after this long with no work in progress and no wake time within a second; 0 disables. About 1000 for a machine that sleeps ([why](decisions/short-wakes.md))',
      BOOT_GRACE_MS:
        'ms; with `IDLE_EXIT_MS`, how long to wait after start for the call that started the machine. Once that is answered, this counts for nothing',
      DRAIN_TIMEOUT_MS: 'ms; the longest a shutdown after SIGTERM may take',
      DRAIN_FINISH_MS: 'ms; of that, how long running attempts may continue before they are stopped',
      MAX_UPTIME: 'ms; with `IDLE_EXIT_MS`, log a warning when the process is up for longer; 0 disables',
      STALL_MS: 'ms; in production, end a process whose event loop is blocked for this long; 0 disables',
    },
  },
  {
    title: 'Runs',
    variables: {
      MAX_CONCURRENT_RUNS:
        'attempts that this process runs at once; the others wait. One job, one target origin and one API key get at most half of them each. Unset: two for each MiB of the memory of the machine or container, 250 at least and 2,000 at most ([sizing](sizing.md))',
      MAX_CONCURRENT_PROGRAMS:
        'of these, the ones that run a program (`command`). Unset: four for each processor, at most 20, and at most one for each user of `COMMAND_UID` if there are several',
      RUN_LEASE_MS: 'ms; how long a claim lasts without renewal, and so how long a crash can go unnoticed',
      MAX_RUN_MS: 'ms; no attempt takes longer, whatever its job says',
      TARGET_ALLOW:
        'private targets that may be called, separated by commas: names, `*.names`, addresses (`:port` for that port only), ranges ([security](security.md#where-calls-may-go))',
      PROMPT_BASE_URL: 'the OpenAI-compatible API for prompts whose action names none',
      PROMPT_API_KEY: 'the API key for it',
      PROMPT_MODEL: 'the model for prompts whose action names none',
    },
  },
  {
    title: 'Access and secrets',
    variables: {
      RATE_LIMIT_PER_MINUTE:
        'API requests per minute and key; 0 disables the limit ([API keys](api-keys.md#how-often))',
      CORS_ORIGINS:
        'origins whose pages may call the API from a browser, separated by commas, each exactly as the browser sends it (`https://dash.example.com`)',
      ENCRYPTION_KEY:
        '32 bytes as base64; encrypts secrets, channels and tokens in the database, and is required to use them',
      ENCRYPTION_KEYS_OLD:
        'earlier keys, separated by commas: data encrypted with them can still be read ([secrets](secrets.md))',
    },
  },
  {
    title: 'Commands',
    intro: 'Read [what a program can do](security.md#programs) before you turn them on.',
    variables: {
      COMMANDS: '`on`: jobs may start programs ([actions](actions.md#command))',
      COMMAND_UID:
        'the user that programs run as, or a range of users (`20000-20019`), so that no two programs share one at the same time. Required with `COMMANDS=on` if this process may change users (root), refused if it may not',
      COMMAND_GID: 'the group of programs. Unset: the number of their user',
      COMMAND_ENV_ALLOW:
        'variables that programs see in addition to `PATH`, `LANG` and `TZ`, separated by commas; never one that holds a secret of this service',
      COMMAND_FOLDER_MB: 'MiB; the largest size of the folder of one run; 0: no limit',
      COMMAND_MEMORY_MB: 'MiB; memory of one process of a program; 0: no limit',
      COMMAND_PROCESSOR_S: 's; processor time of one process of a program; 0: no limit',
      COMMAND_PROCESSES: 'processes of one user of `COMMAND_UID`; 0: no limit',
    },
  },
]

const introduction = `# Configuration

Generated by \`node dev/docs/configuration.ts\` from the descriptions there and from \`src/ground/config.ts\`, which reads the
variables; a test compares the page with both.

The environment is read once, at start. Invalid configuration is reported in one message that lists every problem; the exit
status is 78. All of it has defaults for a first try: \`npm start\` needs none of these.
`

if (import.meta.main) writeFileSync(configurationFile, configurationPage())
