import { createHash } from 'node:crypto'
import { createClient, type Client } from './client.ts'
import { createGate } from './database.ts'
import { type Answer, call } from './http.ts'
import { at, textAt } from './json.ts'
import { loginClient, secret } from './login.ts'
import type { Portal } from './portal.ts'
import { type Program, startProgram } from './program.ts'
import type { Target } from './target.ts'
import { eventually, until } from './wait.ts'
import { freePort } from '../../free-port.ts'

export type MadeJob = { id: string; path: string; answer: Answer }

/** One service, and all around it that the kit plays. */
export type World = {
  url: string
  key: string
  api: Client
  anybody: Client
  portal: Portal
  target: Target
  /** `POST /api/jobs` for a job whose action calls the kit's target, unless `fields` say otherwise. */
  create: (fields: Record<string, unknown>, place?: { path: string; url: string }) => Promise<Answer>
  /** The same; throws unless it is answered 201. */
  job: (fields: Record<string, unknown>, place?: { path: string; url: string }) => Promise<MadeJob>
  fire: (jobId: unknown, more?: { fireAt?: string; token?: string }) => Promise<Answer>
}

export type OwnWorld = World & {
  program: () => Program
  database: { url: string; shut: () => void; open: () => void }
  /** The same service again, with the same environment and the address that the timer knows: after the first, or beside it. */
  another: (env?: Record<string, string>) => Promise<OwnWorld>
  close: () => Promise<void>
}

export type WorldNeeds = {
  url: string
  key: string
  portal: Portal
  target: Target
  onJob?: (id: string) => void
}

export function describeWorld({ url, key, portal, target, onJob }: WorldNeeds): World {
  const api = createClient(url, key)
  const { post } = api
  api.post = async (path, json, more) => {
    const answer = await post(path, json, more)
    const id = path === '/api/jobs' ? (at(answer.body, 'job.id') ?? at(answer.body, 'job_id')) : null
    if (typeof id === 'string') onJob?.(id)
    return answer
  }
  const create: World['create'] = (fields, place = target.place()) => {
    const action = { type: 'http', url: place.url }
    return api.post('/api/jobs', { name: 'conformance', tags: ['conformance'], action, ...fields })
  }
  return {
    url,
    key,
    api,
    anybody: createClient(url, null),
    portal,
    target,
    create,
    async job(fields, place = target.place()) {
      const answer = await create(fields, place)
      if (answer.status !== 201) throw new Error(`POST /api/jobs: ${answer.status} ${answer.text}`)
      return { id: textAt(answer.body, 'job.id'), path: place.path, answer }
    },
    fire: (jobId, { fireAt, token } = {}) =>
      portal.fire(
        url,
        { job_id: jobId, ...(fireAt !== undefined && { fire_at: fireAt }) },
        { ...(token && { token }) },
      ),
  }
}

export type ServiceOptions = {
  /** The file that is started: dist/server.js. */
  server: string
  databaseUrl: string
  portal: Portal
  target: Target
  env?: Record<string, string>
  /** How it is known to NAS: a static access token, or a login. */
  identity?: 'static' | 'login'
  /** A proxy in between; answers what to call instead of this address. */
  between?: (url: string) => string | Promise<string>
  /** False: it is not expected to become ready. */
  becomesReady?: boolean
}

/** Starts the built service as a process of its own and waits until it takes fires. */
export async function startWorld(options: ServiceOptions): Promise<OwnWorld> {
  const gate = await createGate(options.databaseUrl)
  return startOne(options, gate, []).catch(async (error: unknown) => {
    await gate.close()
    throw error
  })
}

async function startOne(
  options: ServiceOptions,
  gate: Awaited<ReturnType<typeof createGate>>,
  open: OwnWorld[],
): Promise<OwnWorld> {
  const { portal, target } = options
  const port = await freePort()
  const direct = `http://127.0.0.1:${port}`
  const url = options.between ? await options.between(direct) : direct
  const key = secret('key')
  const env = { ...environment(options, { url, port, key, databaseUrl: gate.url }), ...options.env }
  const program = startProgram([options.server], env)
  const world: OwnWorld = {
    ...describeWorld({ url, key: env['API_KEY'] ?? key, portal, target }),
    program: () => program,
    database: { url: options.databaseUrl, shut: gate.shut, open: gate.open },
    another: (more = {}) =>
      startOne({ ...options, env: { API_KEY: key, CALLBACK_URL: url, ...options.env, ...more } }, gate, open),
    async close() {
      await Promise.all(open.map((it) => it.program().stop()))
      await gate.close()
    },
  }
  open.push(world)
  if (options.becomesReady !== false) await waitUntilReady(program, direct)
  return world
}

function environment(
  { portal, identity = 'static' }: ServiceOptions,
  own: { url: string; port: number; key: string; databaseUrl: string },
): Record<string, string> {
  const login = {
    NAS_TOKEN_URL: `${portal.url}/oauth/token`,
    NAS_CLIENT_ID: loginClient,
    NAS_REFRESH_TOKEN: portal.login.first,
  }
  return {
    PATH: '/usr/bin:/bin',
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
    PORT: String(own.port),
    DATABASE_URL: own.databaseUrl,
    API_KEY: own.key,
    ENCRYPTION_KEY: createHash('sha256').update(own.databaseUrl).digest('base64'),
    CRON_PROVIDER: 'chronos',
    NAS_PORTAL_URL: portal.url,
    NAS_AUDIENCE: portal.audience,
    ...(identity === 'static' ? { NAS_ACCESS_TOKEN: portal.accessToken } : login),
    CALLBACK_URL: own.url,
    TARGET_ALLOW: '127.0.0.0/8',
    RATE_LIMIT_PER_MINUTE: '0',
    BOOT_GRACE_MS: '0',
  }
}

async function waitUntilReady(program: Program, url: string): Promise<void> {
  const look = async () => program.hasEnded() || (await isReady(url))
  if ((await eventually(look, 30_000)) && !program.hasEnded()) return
  await program.stop()
  throw new Error(`the service did not become ready:\n${program.log().slice(-2000)}`)
}

async function isReady(url: string): Promise<boolean> {
  return call('GET', `${url}/readyz`, { timeoutMs: 2000 }).then(
    (answer) => answer.status === 200,
    () => false,
  )
}

/** Until the job's row at NAS is there. */
export function rowOf({ portal }: World, jobId: string, timeoutMs = 10_000) {
  return until(`NAS holds a row for ${jobId}`, () => portal.rows.get(jobId), timeoutMs)
}
