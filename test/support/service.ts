import { freePort } from '../../dev/free-port.ts'
import { type Nas, startNas } from '../../dev/nas/index.ts'
import { startTarget, type Target } from '../../dev/target/index.ts'
import { type App, createApp } from '../../src/app.ts'
import type { Tracer } from '../../src/telemetry/index.ts'
import { realDelays, within } from '../../src/ground/delays.ts'
import { readConfig } from '../../src/ground/config.ts'
import { createTestDatabase, type TestDatabase } from './database.ts'

export const apiKey = 'test-key-0123456789abcdef'

/** JSON as it came: whoever reads a field asserts what it is. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Json = any

type Answer = { status: number; headers: Headers; body: Json }

export type Service = {
  url: string
  app: App
  database: TestDatabase
  nas: Nas
  target: Target
  /** Postgres' clock as the service sees it; null: its own. */
  setClock(now: Date | string | null): void
  /** A call with the API key. */
  api(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>
  /** A fire as NAS sends it, with a good token unless one is given. */
  fire(body: unknown, token?: string): Promise<Answer>
  /** A job that calls the target, due at `schedule`; its body as the API shows it. */
  makeJob(fields?: Record<string, unknown>): Promise<Json>
  /** Those that share its database are closed before it. May be called twice. */
  close(): Promise<void>
}

type Options = {
  env?: Record<string, string>
  /** Where the service starts on a clock of its own. */
  clock?: Date | string
  /** Share these with another service of the same test. */
  database?: TestDatabase
  nas?: Nas
  target?: Target
  /** What CALLBACK_URL has behind the origin. */
  callbackPath?: string
  /** Default true: the scheduler is started. */
  begin?: boolean
  /** Who is asked for the names of targets. */
  nameServers?: readonly string[]
  tracer?: Tracer
}

/** Services on the database of another one, which are closed before it. */
const guests = new WeakMap<TestDatabase, Service[]>()

/**
 * A clock that stands still would say of a job that is made now: armed at the instant of the list, which lacks it, so lost. If the
 * timer is another one that does not answer, the boot goes on.
 */
async function bootIsOver({ holds }: App): Promise<void> {
  const isOver = async () => {
    while (holds.count('reconcile') > 0) await holds.released()
  }
  await within(realDelays, 5_000, isOver(), undefined)
}

/** The whole service on a free port, with real Postgres, a local NAS whose time stands still, and a real target. */
export async function startService(options: Options = {}): Promise<Service> {
  const database = options.database ?? (await createTestDatabase())
  const nas = options.nas ?? (await startNas(options.clock ? { time: options.clock } : {}))
  const target = options.target ?? (await startTarget())
  let closing: Promise<void> | undefined
  let clock = options.clock ? new Date(options.clock) : null
  // the service has to know its own address before it listens, because NAS calls it back there
  const port = await freePort()
  const config = readConfig({
    DATABASE_URL: database.url,
    CRON_PROVIDER: 'chronos',
    API_KEY: apiKey,
    // a test calls as often as it likes, and shows wrong keys by the dozen
    RATE_LIMIT_PER_MINUTE: '0',
    LOG_LEVEL: process.env['TEST_LOG'] ?? 'silent',
    ...nas.environment(),
    CALLBACK_URL: `http://127.0.0.1:${port}${options.callbackPath ?? ''}`,
    ...options.env,
  })
  const app = createApp({
    config: { ...config, databaseUrl: database.url, apiKey },
    clock: () => clock,
    nameServers: options.nameServers,
    tracer: options.tracer,
  })
  const url = await app.http.listen({ host: '127.0.0.1', port })
  if (options.begin ?? true) {
    await app.start()
    if (nas.misbehaving().length === 0) await bootIsOver(app)
  }

  async function call(
    method: string,
    path: string,
    body: unknown,
    headers: Record<string, string>,
  ): Promise<Answer> {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) }
    const type: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' }
    const response = await fetch(url + path, { method, headers: { ...type, ...headers }, ...sent })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.includes('json') ?? false
    return {
      status: response.status,
      headers: response.headers,
      body: isJson && text ? JSON.parse(text) : text,
    }
  }

  const service: Service = {
    ...{ url, app, database, nas, target },
    setClock: (now) => {
      clock = now === null ? null : new Date(now)
    },
    api: (method, path, body, headers = {}) =>
      call(method, path, body, { authorization: `Bearer ${apiKey}`, ...headers }),
    fire: async (body, token) =>
      call('POST', '/api/cron/fire', body, {
        authorization: `Bearer ${token ?? (await nas.signFireToken())}`,
      }),
    async makeJob(fields = {}) {
      const { status, body } = await service.api('POST', '/api/jobs', {
        name: 'a job',
        schedule: '0 9 * * *',
        action: { type: 'http', url: `${target.url}/hook` },
        ...fields,
      })
      if (status !== 201) throw new Error(`the job was not made: ${status} ${JSON.stringify(body)}`)
      return body.job
    },
    close: () => (closing ??= close()),
  }
  if (options.database) guests.get(options.database)?.push(service)
  else guests.set(database, [])
  return service

  // what others share is there until they are closed: without it they would try for as long as they may
  async function close() {
    if (!options.database) await Promise.all((guests.get(database) ?? []).map((guest) => guest.close()))
    await app.drain()
    // a client may keep a connection that was answered while the service went down; a process would end here
    app.http.server.closeAllConnections()
    if (!options.nas) await nas.close()
    if (!options.target) await target.close()
    if (!options.database) await database.drop()
  }
}
