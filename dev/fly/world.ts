import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bundle } from '../build/bundle.ts'
import { type Nas, type NasOptions, startNas } from '../nas/index.ts'
import { startTarget, type Target } from '../target/index.ts'
import { startTcpProxy, type TcpProxy } from '../tcp-proxy/index.ts'
import { type Fly, type FlyOptions, type Image, startFly } from './index.ts'

/** The shipped files, bundled again in a folder of their own. */
export type Release = { server: Image; migrate: Image; remove(): Promise<void> }

/** Of a job or a run, the fields that are looked at here. */
export type Shown = {
  id: string
  state: string
  armed: boolean
  slot: string | null
  next_run_at: string | null
  error: { code: string } | null
}
type ApiAnswer = {
  status: number
  body: { job?: Shown; run?: Shown; runs?: Shown[]; [field: string]: unknown }
}

export type World = {
  fly: Fly
  nas: Nas
  target: Target
  /** Between the machines and Postgres. */
  postgres: TcpProxy
  /** A call of the API, through the proxy as a person would make it. */
  api(method: string, path: string, body?: unknown): Promise<ApiAnswer>
  close(): Promise<void>
}

type WorldOptions = Omit<FlyOptions, 'image' | 'env'> & {
  release: Release
  /** Migrated. */
  databaseUrl: string
  nas?: NasOptions
  /** Beside what the world itself sets. */
  env?: Record<string, string>
}

export async function buildRelease(): Promise<Release> {
  const folder = await mkdtemp(join(tmpdir(), 'chronos-release-'))
  await bundle(['src/server.ts', 'src/migrate.ts'], folder)
  return { ...releaseIn(folder), remove: () => rm(folder, { recursive: true }) }
}

/** What is bundled there already. */
export function releaseIn(folder: string): Omit<Release, 'remove'> {
  const env = { NODE_COMPILE_CACHE: join(folder, 'cache') }
  return {
    server: { name: 'chronos', program: join(folder, 'server.js'), env },
    migrate: { name: 'migrate', program: join(folder, 'migrate.js'), env },
  }
}

/** Everything that a deployed Chronos has around it, on loopback: Fly, NAS (on the wall clock), Postgres, a target. */
export async function startWorld({
  release,
  databaseUrl,
  env = {},
  ...options
}: WorldOptions): Promise<World> {
  const apiKey = randomBytes(24).toString('base64url')
  const { hostname, port } = new URL(databaseUrl)
  const nas = await startNas({
    time: 'wall',
    retryGapsMs: [200, 500, 1_000, 2_000, 4_000, 8_000],
    ...options.nas,
  })
  const target = await startTarget()
  const postgres = await startTcpProxy({ target: { host: hostname, port: Number(port) } })
  const proxied = new URL(databaseUrl)
  proxied.port = String(postgres.port)
  const fly: Fly = await startFly({
    ...options,
    image: release.server,
    env: () => ({
      NODE_ENV: 'production',
      HOST: '127.0.0.1',
      DATABASE_URL: proxied.href,
      CRON_PROVIDER: 'chronos',
      ...nas.environment(),
      CALLBACK_URL: fly.url,
      API_KEY: apiKey,
      RATE_LIMIT_PER_MINUTE: '0',
      TARGET_ALLOW: '127.0.0.1/32',
      IDLE_EXIT_MS: '300',
      BOOT_GRACE_MS: '300',
      ...env,
    }),
  })
  return {
    ...{ fly, nas, target, postgres },
    async api(method, path, body) {
      const response = await fetch(fly.url + path, {
        method,
        headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      const text = await response.text()
      const isJson = response.headers.get('content-type')?.includes('json') ?? false
      const answer: unknown = isJson && text ? JSON.parse(text) : { text }
      return { status: response.status, body: answer as ApiAnswer['body'] }
    },
    async close() {
      await fly.close()
      await Promise.all([nas.close(), target.close(), postgres.close()])
    },
  }
}
