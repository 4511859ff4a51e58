import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { exportJWK, generateKeyPair, type JSONWebKeySet, SignJWT } from 'jose'
import postgres from 'postgres'
import { migrate } from '../db/index.ts'
import { startPostgres } from '../dev/postgres/index.ts'
import { buildPrograms, type Programs } from './programs.ts'
import { freePort } from '../dev/free-port.ts'

/** What the benchmarks share: a PostgreSQL that keeps its promises (fsync on), the built programs, signing keys. */
export type World = {
  programs: Programs
  postgresVersion: string
  /** A migrated database of its own, and a connection to it. */
  database(): Promise<Database>
  /** The local NAS, in a process of its own. `holdsFires`: it keeps what is armed, and fires nothing by itself. */
  nas(how?: { holdsFires: boolean }): Promise<NasProcess>
  /** For fires that are sent from here: a key set instead of the portal's. */
  keys: Keys
  close(): Promise<void>
}

export type Database = { url: string; sql: postgres.Sql; drop(): Promise<void> }
export type NasProcess = { url: string; env: Record<string, string>; pid: number; stop(): Promise<void> }
export type Keys = {
  jwksUrl: string
  jwks: JSONWebKeySet
  sign(issuer: string): Promise<string>
  /** As many, each another one: a timer signs one for each fire, and the service remembers those that it has seen. */
  signEach(issuer: string, count: number): Promise<string[]>
}

const audience = 'agent:bench'

export async function createWorld(): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'chronos-bench-postgres-'))
  const [server, programs, keys] = await Promise.all([
    startPostgres({ dataDir: join(folder, 'data') }),
    buildPrograms(),
    createKeys(),
  ])
  const admin = postgres(server.url, { max: 1, onnotice: () => {} })
  await admin`create database template_chronos`
  await migrate(withDatabase(server.url, 'template_chronos'))
  const [row] = await admin<{ server_version: string }[]>`show server_version`
  let made = 0

  async function database(): Promise<Database> {
    const name = `bench_${++made}`
    await admin.unsafe(`create database ${name} template template_chronos`)
    const url = withDatabase(server.url, name)
    const sql = postgres(url, { max: 4, onnotice: () => {} })
    return {
      ...{ url, sql },
      async drop() {
        await sql.end({ timeout: 1 })
        await admin.unsafe(`drop database ${name} with (force)`)
      },
    }
  }

  return {
    ...{ programs, keys, database, nas: startNasProcess },
    postgresVersion: row?.server_version ?? 'unknown',
    async close() {
      await admin.end({ timeout: 1 })
      await server.stop()
      keys.close()
      await Promise.all([programs.remove(), rm(folder, { recursive: true })])
    },
  }
}

async function startNasProcess({ holdsFires } = { holdsFires: false }): Promise<NasProcess> {
  const port = await freePort()
  const program = fileURLToPath(new URL('../dev/nas/main.ts', import.meta.url))
  const args = [program, '--port', String(port), '--instance', 'bench', '--alg', 'ES256', '--quiet']
  if (holdsFires) args.push('--misbehave', 'hold_fires')
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const env = await environmentOf(child)
  return {
    ...{ url: env['NAS_PORTAL_URL'] ?? '', env, pid: child.pid as number },
    async stop() {
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** The program prints the variables that make a service use it, the last of them being the access token. */
async function environmentOf({ stdout }: ChildProcess): Promise<Record<string, string>> {
  if (!stdout) throw new Error('the local NAS has no output')
  const env: Record<string, string> = {}
  for await (const line of createInterface(stdout)) {
    const [, name, value] = /^ {2}(\w+)=(.*)$/.exec(line) ?? []
    if (name && value) env[name] = value
    if (name === 'NAS_ACCESS_TOKEN') break
  }
  return { ...env, CRON_PROVIDER: 'chronos' }
}

async function createKeys(): Promise<Keys & { close(): void }> {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'bench', alg: 'ES256', use: 'sig' }] }
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(jwks))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const sign = (issuer: string) =>
    new SignJWT({ purpose: 'cron_fire' })
      .setProtectedHeader({ alg: 'ES256', kid: 'bench' })
      .setIssuer(issuer)
      .setAudience(audience)
      .setIssuedAt()
      .setNotBefore('0s')
      .setExpirationTime('10m')
      .sign(privateKey)
  return {
    jwks,
    jwksUrl: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/jwks.json`,
    sign,
    signEach: (issuer, count) => Promise.all(Array.from({ length: count }, () => sign(issuer))),
    close: () => void server.close(),
  }
}

function withDatabase(url: string, name: string): string {
  const copy = new URL(url)
  copy.pathname = `/${name}`
  return copy.href
}

/** The environment of a service for a database and a NAS, fired at from here. */
export function serviceEnv(database: Database, nas: NasProcess, keys: Keys): Record<string, string> {
  return {
    ...nas.env,
    NAS_JWKS_URL: keys.jwksUrl,
    DATABASE_URL: database.url,
    // no one listens there: what NAS would fire lies in the future
    CALLBACK_URL: 'http://127.0.0.1:9',
    API_KEY: apiKey,
    RATE_LIMIT_PER_MINUTE: '0',
  }
}

export const apiKey = 'the-key-of-the-benchmarks'
