import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export type CountingProxy = {
  /** The database, through the proxy. */
  url: string
  /** Statements that clients have sent since it was asked last. */
  count(): number
  close(): Promise<void>
}

/** Before Postgres, a proxy that counts what is sent to be carried out: simple queries and executions of prepared ones. */
export async function countStatements(databaseUrl: string): Promise<CountingProxy> {
  const target = new URL(databaseUrl)
  const open = new Set<Socket>()
  let statements = 0
  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ host: target.hostname, port: Number(target.port), noDelay: true })
    const read = messages((type) => {
      if (type === 'Q' || type === 'E') statements += 1
    })
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(from)
      from.on('error', () => to.destroy()).on('close', () => to.destroy())
      from.pipe(to)
    }
    client.on('data', read)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(databaseUrl)
  url.port = String((server.address() as AddressInfo).port)
  return {
    url: url.href,
    count() {
      const counted = statements
      statements = 0
      return counted
    },
    async close() {
      for (const socket of open) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Told the type of each message of a client: one letter and a length; the first message of a connection has no letter. */
function messages(told: (type: string) => void): (bytes: Buffer) => void {
  let isFirst = true
  let left = Buffer.alloc(0)
  return (bytes) => {
    left = Buffer.concat([left, bytes])
    for (;;) {
      const head = isFirst ? 0 : 1
      if (left.length < head + 4) return
      const length = head + left.readUInt32BE(head)
      if (left.length < length) return
      if (!isFirst) told(String.fromCharCode(left[0] ?? 0))
      isFirst = false
      left = left.subarray(length)
    }
  }
}
