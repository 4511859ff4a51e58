import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** A statement as a client sent it. Parameters as texts. */
export type Sent = { text: string; parameters: (string | null)[] }

/** A port in front of a Postgres that notes each statement that is carried out through it. */
export async function recordStatements(databaseUrl: string) {
  const sent: Sent[] = []
  const sockets = new Set<Socket>()
  const behind = new URL(databaseUrl)
  const server = createServer((client) => {
    const upstream = connect(Number(behind.port), behind.hostname)
    const read = createReader(sent)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket)).on('error', () => undefined)
    }
    client.on('data', read)
    client.pipe(upstream)
    upstream.pipe(client)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (!address || typeof address === 'string') throw new Error('the recorder has no port')
  const url = new URL(databaseUrl)
  url.port = String(address.port)
  return {
    url: url.href,
    /** Those since the last call. */
    take: () => sent.splice(0),
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Reads what a client sends (the extended protocol): which statement was bound to which parameters. */
function createReader(sent: Sent[]): (chunk: Buffer) => void {
  const texts = new Map<string, string>()
  let rest = Buffer.alloc(0)
  let isStarted = false

  function parse(body: Buffer) {
    const [name, after] = textAt(body, 0)
    texts.set(name, textAt(body, after)[0])
  }

  function bind(body: Buffer) {
    const [name, afterName] = textAt(body, textAt(body, 0)[1])
    let at = afterName + 2 + 2 * body.readInt16BE(afterName)
    const parameters: (string | null)[] = []
    const count = body.readInt16BE(at)
    at += 2
    for (let n = 0; n < count; n++) {
      const length = body.readInt32BE(at)
      at += 4
      parameters.push(length < 0 ? null : body.toString('utf8', at, at + length))
      at += Math.max(0, length)
    }
    const text = texts.get(name)
    if (text !== undefined) sent.push({ text, parameters })
  }

  return (chunk) => {
    rest = Buffer.concat([rest, chunk])
    for (;;) {
      // the first message has no type
      const head = isStarted ? 1 : 0
      if (rest.length < head + 4) return
      const end = head + rest.readInt32BE(head)
      if (rest.length < end) return
      const body = rest.subarray(head + 4, end)
      const type = isStarted ? String.fromCharCode(rest[0] as number) : ''
      if (type === 'P') parse(body)
      if (type === 'B') bind(body)
      isStarted = true
      rest = rest.subarray(end)
    }
  }
}

function textAt(bytes: Buffer, from: number): [text: string, after: number] {
  const end = bytes.indexOf(0, from)
  return [bytes.toString('utf8', from, end), end + 1]
}
