import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import postgres from 'postgres'
import { type RunningPostgres, startPostgres } from '../../dev/postgres/index.ts'

/**
 * A cluster of its own for one run of the tests, and a `folder` for what their files share, gone with `stop()`. The
 * cluster's URL goes into CHRONOS_TEST_PG.
 */
export async function startTestCluster(): Promise<RunningPostgres & { folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'chronos-test-'))
  const server = await startPostgres({ dataDir: join(folder, 'data'), durable: false })
  return {
    url: server.url,
    folder,
    async stop() {
      await server.stop()
      await rm(folder, { recursive: true })
    },
  }
}

/**
 * The cluster that test files share when they are run by hand: the one in CHRONOS_TEST_PG, else one that a process
 * of its own keeps under `.chronos/` until no one has been connected for five minutes: a test may wait for a machine that is off.
 */
export async function sharedTestCluster(): Promise<string> {
  const given = process.env['CHRONOS_TEST_PG']
  if (given) return given
  const deadline = performance.now() + 30_000
  for (let tries = 0; performance.now() < deadline; tries++) {
    const url = await readFile(urlFile, 'utf8').catch(() => null)
    if (url && (await countClients(url)) !== null) return url
    // Several may start a keeper at once: the data directory admits one, the others end.
    if (tries % 50 === 0) startKeeper()
    await delay(100)
  }
  throw new Error(`no test cluster came up within 30 s; see ${logFile}`)
}

const folder = fileURLToPath(new URL('../../.chronos/', import.meta.url))
const dataDir = join(folder, 'test-postgres')
const urlFile = join(folder, 'test-postgres.url')
const logFile = join(folder, 'test-postgres.log')

function startKeeper(): void {
  spawn(process.execPath, [fileURLToPath(import.meta.url)], { detached: true, stdio: 'ignore' }).unref()
}

async function keep(): Promise<void> {
  await mkdir(folder, { recursive: true })
  const server = await startPostgres({ dataDir, durable: false })
  await writeFile(`${urlFile}.new`, server.url, { mode: 0o600 })
  await rename(`${urlFile}.new`, urlFile)
  for (let idle = 0; idle < 30; ) {
    await delay(10_000)
    idle = (await countClients(server.url)) ? 0 : idle + 1
  }
  await rm(urlFile, { force: true })
  await server.stop()
}

/** Connections other than the one that asks; null if the server does not answer. */
async function countClients(url: string): Promise<number | null> {
  const sql = postgres(url, { max: 1, fetch_types: false, connect_timeout: 2, onnotice: () => {} })
  try {
    const [row] = await sql<{ others: number }[]>`
      select count(*)::int as others from pg_stat_activity
      where backend_type = 'client backend' and pid <> pg_backend_pid()`
    return row?.others ?? 0
  } catch {
    return null
  } finally {
    await sql.end({ timeout: 1 })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await keep().catch((error) => writeFile(logFile, `${error}\n`, { flag: 'a' }))
}
