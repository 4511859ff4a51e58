import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createDatabase, migrate } from '../../db/index.ts'
import { startPostgres } from '../postgres/index.ts'
import { runningServer } from '../postgres/postmaster.ts'
import { databaseFolder } from './home.ts'

/**
 * The URL of the development database under `.chronos/postgres`, up to date. Started where no one serves it yet, and
 * then it stops with this process; otherwise joined, and it stops with the process that started it.
 */
export async function startDevelopmentDatabase(): Promise<string> {
  const url = await joinOrStart()
  await migrate(url)
  return url
}

async function joinOrStart(): Promise<string> {
  for (let tries = 1; ; tries++) {
    const url = await runningUrl()
    if (url) return url
    try {
      const server = await startPostgres({ dataDir: databaseFolder })
      return server.url
    } catch (error) {
      // Of several that start at once one has the folder; the others join it.
      if (tries === 3 || !(await runningServer(databaseFolder))) throw error
    }
  }
}

/** Brings the database up to date; gives a few words on each job that is in it, the newest first, ten at most. */
export async function openDatabase(url: string): Promise<string[]> {
  const database = createDatabase({ url, max: 2 })
  try {
    await migrate(database)
    const jobs = await database.run(
      (sql) => sql<{ name: string; display: string }[]>`
        select name, schedule ->> 'display' as display from jobs order by seq desc limit 11`,
      { name: 'looking for jobs', idempotent: true },
    )
    const told = jobs.slice(0, 10).map(({ name, display }) => `"${name}" (${display})`)
    return jobs.length > told.length ? [...told, 'and more'] : told
  } finally {
    await database.close()
  }
}

/** Null if no server has the folder open. Its lock file says the port (line 4), its folder has the password. */
async function runningUrl(): Promise<string | null> {
  const server = await runningServer(databaseFolder)
  if (server?.status !== 'ready') return null
  const port = (await readFile(join(databaseFolder, 'postmaster.pid'), 'utf8')).split('\n')[3]
  const password = await readFile(join(databaseFolder, 'chronos-password'), 'utf8')
  return `postgres://chronos:${password}@127.0.0.1:${port}/postgres`
}
