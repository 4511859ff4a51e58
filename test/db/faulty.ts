import { createDatabase, type Database, type DatabaseOptions } from '../../db/client.ts'
import { startTcpProxy, type TcpProxy } from '../../dev/tcp-proxy/index.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

export type FaultyDatabase = {
  /** The database itself, for assertions: what goes over `database.sql` never fails. */
  database: TestDatabase
  proxy: TcpProxy
  /** A client whose connections go through the proxy; `query` is put behind its URL. */
  connect: (options?: Partial<DatabaseOptions>, query?: string) => Database
  drop: () => Promise<void>
}

/** A database of its own behind a proxy that fails as it is told to. */
export async function createFaultyDatabase(): Promise<FaultyDatabase> {
  const database = await createTestDatabase()
  const server = new URL(database.url)
  const proxy = await startTcpProxy({ target: { host: server.hostname, port: Number(server.port) } })
  const clients: Database[] = []
  return {
    database,
    proxy,
    connect(options = {}, query = '') {
      const url = new URL(database.url)
      url.port = String(proxy.port)
      const client = createDatabase({ url: url.href + query, ...options })
      clients.push(client)
      return client
    },
    async drop() {
      await Promise.all(clients.map((client) => client.close()))
      await proxy.close()
      await database.drop()
    },
  }
}
