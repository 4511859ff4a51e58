import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { startPostgres } from '../../postgres/index.ts'
import { secret } from './login.ts'
import { startProgram } from './program.ts'

/** The PostgreSQL of a whole run: its own, or one that was named and lets us make databases. */
export async function openDatabases({ url, migrate }: { url?: string; migrate: string }) {
  const own = url ? null : await startOwn()
  const server = url ?? own!.url
  const made: string[] = []

  const admin = <T>(work: (sql: postgres.Sql) => Promise<T>) => withSql(server, work)
  async function createOne(template?: string): Promise<string> {
    const name = `conformance_${secret('d')
      .slice(2)
      .toLowerCase()
      .replaceAll(/[^a-z0-9]/g, '')}`
    await admin((sql) => sql.unsafe(`create database ${name}${template ? ` template ${template}` : ''}`))
    made.push(name)
    return name
  }
  const template = await createOne()
  await runMigrations(migrate, withName(server, template))

  let last: Promise<unknown> = Promise.resolve()
  return {
    /** A migrated database of its own; one at a time, because a template is copied by one session only. */
    create(): Promise<string> {
      const next = last.then(async () => withName(server, await createOne(template)))
      last = next.catch(() => {})
      return next
    },
    async close(): Promise<void> {
      if (own) return own.stop()
      for (const name of made)
        await admin((sql) => sql.unsafe(`drop database if exists ${name} with (force)`))
    },
  }
}

export type Databases = Awaited<ReturnType<typeof openDatabases>>

async function startOwn() {
  const folder = await mkdtemp(join(tmpdir(), 'chronos-conformance-'))
  const server = await startPostgres({ dataDir: join(folder, 'data'), durable: false })
  return {
    url: server.url,
    async stop() {
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function runMigrations(file: string, url: string): Promise<void> {
  const migration = startProgram([file], { PATH: '/usr/bin:/bin', NODE_ENV: 'production', DATABASE_URL: url })
  const { code } = await migration.ended
  if (code !== 0) throw new Error(`${file} ended with ${code}:\n${migration.log()}`)
}

async function withSql<T>(url: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(url, { max: 1, onnotice: () => {}, fetch_types: false })
  try {
    return await work(sql)
  } finally {
    await sql.end({ timeout: 2 })
  }
}

function withName(server: string, name: string): string {
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.href
}

/** The tables in whose rows one of these texts can be read, whatever the tables are. */
export function tablesThatShow(url: string, texts: string[]): Promise<string[]> {
  return withSql(url, async (sql) => {
    const tables = await sql<{ name: string }[]>`
      select format('%I.%I', table_schema, table_name) as name from information_schema.tables
      where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`
    const found: string[] = []
    for (const { name } of tables)
      for (const text of texts) {
        const shown = await sql.unsafe(`select from ${name} as t where strpos(t::text, $1) > 0 limit 1`, [
          text,
        ])
        if (shown.length > 0 && !found.includes(name)) found.push(name)
      }
    return found
  })
}

/** A way to a database that can be closed and opened again. */
export async function createGate(url: string) {
  const { hostname, port } = new URL(url)
  const sockets = new Set<Socket>()
  let isOpen = true
  const server = createServer((socket) => {
    if (!isOpen) {
      socket.destroy()
      return
    }
    const onward = connect(Number(port || 5432), hostname)
    for (const end of [socket, onward]) {
      sockets.add(end)
      end.on('error', () => {})
      end.on('close', () => {
        sockets.delete(end)
        socket.destroy()
        onward.destroy()
      })
    }
    socket.pipe(onward).pipe(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const through = new URL(url)
  through.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url: through.href,
    shut(): void {
      isOpen = false
      for (const socket of sockets) socket.destroy()
    },
    open: () => void (isOpen = true),
    async close(): Promise<void> {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
