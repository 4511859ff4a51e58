import { startTcpProxy, type TcpProxy } from '../dev/tcp-proxy/index.ts'
import postgres from 'postgres'
import { median } from './numbers.ts'
import type { Database, NasProcess } from './world.ts'

/** Postgres and NAS as a machine sees them that is `ms` away from both, there and back. */
export type Away = {
  ms: number
  /** What a question and its answer take longer, as it is: the proxy's timers are late by a part of a millisecond each way. */
  measuredMs: number
  databaseUrl: string
  portalUrl: string
  /** How often a process that began to connect after the last call has waited for either of them, TCP's own round trips included. */
  asked(): { database: number; nas: number }
  close(): Promise<void>
}

export async function moveAway(ms: number, database: Database, nas: NasProcess): Promise<Away> {
  const [toDatabase, toNas] = await Promise.all([farFrom(database.url, ms), farFrom(nas.url, ms)])
  const measuredMs = (await askingMs(toDatabase.url)) - (await askingMs(database.url))
  toDatabase.asked()
  return {
    ...{ ms, measuredMs, databaseUrl: toDatabase.url, portalUrl: toNas.url },
    asked: () => ({ database: toDatabase.asked(), nas: toNas.asked() }),
    async close() {
      await Promise.all([toDatabase.close(), toNas.close()])
    },
  }
}

async function askingMs(url: string): Promise<number> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  const ms: number[] = []
  for (let times = 0; times < 21; times++) {
    const askedAt = performance.now()
    await sql`select 1`
    ms.push(performance.now() - askedAt)
  }
  await sql.end()
  return median(ms)
}

async function farFrom(url: string, ms: number) {
  const { hostname: host, port } = new URL(url)
  const proxy = await startTcpProxy({ target: { host, port: Number(port) } })
  await proxy.setMode({ kind: 'slow', ms: ms / 2 })
  let seen = 0
  return {
    url: url.replace(`${host}:${port}`, `${host}:${proxy.port}`),
    asked() {
      const connections = proxy.counters().connections.slice(seen)
      seen += connections.length
      return connections.reduce((sum, { questions }) => sum + (questions > 0 ? questions + 1 : 0), 0)
    },
    close: (): ReturnType<TcpProxy['close']> => proxy.close(),
  }
}
