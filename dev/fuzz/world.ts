import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { type Databases, openDatabases } from '../conformance/kit/database.ts'
import { type Nas, startNas } from '../nas/index.ts'
import type { Answer } from './answers.ts'
import type { ImageSettings } from './image.ts'
import { type Outside, startOutside } from './outside.ts'
import { watchPace } from './postgres-pace.ts'
import { type Service, startService } from './service.ts'
import { freePort } from '../free-port.ts'

/** No attempt takes longer, whatever its job says. */
export const maxRunMs = 4_000
const apiKey = randomBytes(24).toString('base64url')
const well: Answer = {
  bytes: ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok'],
  cut: 0,
  gapMs: 0,
  isEndless: false,
  ending: 'end',
}

export type Json = { [member: string]: unknown }
export type ApiAnswer = { status: number; body: Json }

/** One service with everything around it: a database of its own, the local NAS, and those that it calls. */
export type World = {
  service: Service
  port: number
  outside: Outside
  nas: Nas
  sql: postgres.Sql
  /** What the machine, and not the service, took of the time between two instants. */
  machineMs(fromMs: number, toMs: number): number
  /** As a good client calls. */
  api(method: string, path: string, body?: unknown): Promise<ApiAnswer>
  /** Ids and names that stand for the words between `@@`, by kind. */
  living: Record<string, string[]>
  fill(text: string): string
  /** Makes what is gone, removes what is too much, and learns what is there. */
  tidy(): Promise<void>
  close(): Promise<void>
}

export type Setting = { databases: Databases; dist: string; image: ImageSettings }

export async function startWorld({ databases, dist, image }: Setting): Promise<World> {
  const databaseUrl = await databases.create()
  const sql = postgres(databaseUrl, { max: 2, onnotice: () => {} })
  const [outside, nas, port] = await Promise.all([
    startOutside(),
    startNas({ time: 'wall', retryGapsMs: [200, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000] }),
    freePort(),
  ])
  const url = `http://127.0.0.1:${port}`
  const usual = outside.place(well)
  const pace = watchPace(databaseUrl)
  const service = await startService({
    ...{ dist, image },
    env: {
      NODE_ENV: 'production',
      HOST: '127.0.0.1',
      PORT: String(port),
      DATABASE_URL: databaseUrl,
      API_KEY: apiKey,
      ENCRYPTION_KEY: randomBytes(32).toString('base64'),
      CRON_PROVIDER: 'chronos',
      ...nas.environment(),
      CALLBACK_URL: url,
      TARGET_ALLOW: '127.0.0.0/8',
      RATE_LIMIT_PER_MINUTE: '0',
      MAX_RUN_MS: String(maxRunMs),
      RUN_LEASE_MS: '20000',
      PROMPT_BASE_URL: usual,
      PROMPT_MODEL: 'fuzz',
      CORS_ORIGINS: 'https://dashboard.example',
    },
  })
  let fireToken = ''
  const living: World['living'] = { place: [usual] }
  const api: World['api'] = async (method, path, body) => {
    const response = await fetch(url + path, {
      method,
      headers: {
        authorization: `Bearer ${apiKey}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(45_000),
    })
    const text = await response.text()
    return { status: response.status, body: (text ? JSON.parse(text) : {}) as Json }
  }
  const world: World = {
    ...{ service, port, outside, nas, sql, api, living },
    machineMs: (fromMs, toMs) => service.starvedMs(fromMs, toMs) + pace.slowMs(fromMs, toMs),
    fill: (text) =>
      text.replaceAll(/@@([a-zA-Z]+)(?::(\d+))?@@/g, (_name, kind: string, n = '0') => {
        if (kind === 'apiKey') return apiKey
        if (kind === 'fire') return fireToken
        const all = living[kind] ?? []
        return all.length > 0 ? (all[Number(n) % all.length] ?? '') : (nothing[kind] ?? 'none')
      }),
    async tidy() {
      fireToken = await nas.signFireToken()
      await furnish(world, usual)
      await learn(world)
    },
    async close() {
      await service.kill()
      await Promise.all([outside.close(), nas.close(), pace.close(), sql.end({ timeout: 2 })])
    },
  }
  outside.fillWith(world.fill)
  try {
    await untilReady(service, url)
    // the image starts from code that is compiled already; this one compiles it
    service.take()
    await world.tidy()
  } catch (error) {
    await world.close()
    throw error
  }
  return world
}

/** Well-formed, and nothing has it. */
const nothing: Record<string, string> = {
  job: '000000000000',
  key: '000000000000',
  run: '00000000-0000-4000-8000-000000000000',
  delivery: '00000000-0000-4000-8000-000000000000',
  smtp: '9',
}

async function untilReady(service: Service, url: string): Promise<void> {
  const endsAt = performance.now() + 30_000
  while (performance.now() < endsAt && service.ended() === null) {
    const isReady = await fetch(`${url}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    )
    if (isReady) return
    await sleep(20)
  }
  throw new Error(`the service did not become ready:\n${service.take().lines.join('\n').slice(-2_000)}`)
}

const mostJobs = 40

/** What every group finds: some jobs of each kind, of which one fires all the time, channels, secrets and keys. */
async function furnish({ api, sql }: World, usual: string): Promise<void> {
  const have = async (table: string, column: string) =>
    new Set((await sql.unsafe(`select ${column} as name from ${table}`)).map(({ name }) => String(name)))
  const secrets = {
    FUZZ_URL: usual,
    FUZZ_SIGN: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    FUZZ_TOKEN: '123456:a-token-of-nobody',
    FUZZ_A: 'some secret value',
    FUZZ_B: 'another secret value',
  }
  const present = await have('secrets', 'name')
  for (const [name, value] of Object.entries(secrets))
    if (!present.has(name)) await api('PUT', `/api/secrets/${name}`, { value })
  const channels = {
    'chan-1': { type: 'webhook', url: usual },
    'chan-2': { type: 'slack', url: usual },
    'chan-3': { type: 'discord', url: usual },
    'chan-4': { type: 'telegram', bot_token: '1:a', chat_id: '@x', api_base: usual },
    'chan-5': { type: 'healthcheck', url: usual },
  }
  const named = await have('channels', 'name')
  for (const [name, channel] of Object.entries(channels))
    if (!named.has(name)) await api('PUT', `/api/channels/${name}`, channel)
  const jobs = [
    { name: 'fires', schedule: 'every 5s', action: { type: 'http', url: usual } },
    { name: 'calls', schedule: 'every 1h', action: { type: 'http', url: usual }, deliver: 'chan-1,chan-5' },
    {
      name: 'asks',
      schedule: 'every 1h',
      prompt: 'what?',
      action: { type: 'prompt', base_url: usual, model: 'm' },
    },
    { name: 'handles', schedule: 'every 1h', action: { type: 'handler', handler: 'hello' } },
    {
      name: 'reports',
      schedule: 'every 1h',
      action: { type: 'http', url: usual, callback: { deadline_ms: 5_000 } },
    },
  ]
  if (!(await have('projects', 'name')).has('spare')) await api('PUT', '/api/projects/spare', {})
  const known = await have('jobs', 'name')
  for (const job of jobs)
    if (!known.has(job.name)) await api('POST', '/api/jobs', { tags: ['furniture'], ...job })
  const [keys] = await sql<
    { count: number }[]
  >`select count(*)::int as count from api_keys where revoked_at is null`
  if (keys && keys.count < 2) await api('POST', '/api/keys', { name: 'fuzz', scopes: ['jobs:read'] })
  const old = await sql<
    { id: string }[]
  >`select id from jobs where not ('furniture' = any(tags)) order by seq desc offset ${mostJobs}`
  for (const { id } of old) await api('DELETE', `/api/jobs/${id}`)
}

async function learn({ sql, living, outside }: World): Promise<void> {
  const ids = async (query: string) => (await sql.unsafe(query)).map(({ id }) => String(id))
  living['job'] = await ids('select id from jobs order by seq')
  living['run'] = await ids('select id from runs order by seq desc limit 30')
  living['delivery'] = await ids('select id from deliveries order by seq desc limit 20')
  living['key'] = await ids('select id from api_keys order by created_at desc limit 10')
  living['channel'] = await ids('select name as id from channels order by name')
  living['secret'] = await ids('select name as id from secrets order by name')
  living['project'] = await ids(
    "select name as id from projects where name not in ('*', 'default') order by name",
  )
  living['callback'] = outside.callbacks
}

export async function openSetting(options: { database: string | null; dist: string; image: ImageSettings }) {
  const databases = await openDatabases({
    ...(options.database !== null && { url: options.database }),
    migrate: `${options.dist}/migrate.js`,
  })
  return {
    setting: { databases, dist: options.dist, image: options.image } satisfies Setting,
    close: databases.close,
  }
}
