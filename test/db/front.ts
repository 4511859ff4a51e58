import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type ListenOptions, type Socket } from 'node:net'
import { createSecureContext, TLSSocket } from 'node:tls'
import { authority } from './certificates.ts'

export type Front = {
  port: number
  /** What each connection had in common with a real server's: whether it was encrypted, by which client, for which name. */
  seen: { encrypted: boolean; client: string | null; name: string | null }[]
  close(): Promise<void>
}

type FrontOptions = {
  /** Null: it says that it does not speak TLS. */
  certificate: { cert: string; key: string } | null
  listen?: ListenOptions
  /** Connections without a certificate of a client are refused. */
  needsClient?: boolean
  /** Parameters of the start of a session that are not handed on. */
  forget?: string[]
}

/** A real Postgres behind a door of its own: another address, a Unix socket, TLS with a certificate of the test's choice. */
export async function startFront(
  url: string,
  { certificate, listen = { host: '127.0.0.1', port: 0 }, needsClient = false, forget = [] }: FrontOptions,
): Promise<Front> {
  const { hostname, port } = new URL(url)
  const seen: Front['seen'] = []
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    keep(socket)
    socket.once('data', (first: Buffer) => {
      if (first.length === 8 && first.readUInt32BE(4) === 80_877_103) negotiate(socket)
      else if (first[0] === 0x16) encrypt(socket, first)
      else pass(socket, { encrypted: false, client: null, name: null }, first)
    })
  })

  function keep(socket: Socket) {
    open.add(socket)
    socket.on('error', () => socket.destroy())
    socket.once('close', () => open.delete(socket))
  }

  function negotiate(socket: Socket) {
    socket.write(certificate ? 'S' : 'N')
    if (certificate) encrypt(socket)
    else
      socket.once('data', (first: Buffer) =>
        pass(socket, { encrypted: false, client: null, name: null }, first),
      )
  }

  function encrypt(socket: Socket, first?: Buffer) {
    if (first) {
      socket.pause()
      socket.unshift(first)
    }
    const secure = new TLSSocket(socket, {
      isServer: true,
      secureContext: createSecureContext({ ...certificate, ca: authority }),
      requestCert: needsClient,
      rejectUnauthorized: needsClient,
      ALPNProtocols: ['postgresql'],
    })
    keep(secure)
    secure.once('secure', () => {
      const subject = secure.getPeerCertificate().subject as { CN?: string } | undefined
      const name = typeof secure.servername === 'string' ? secure.servername : null
      pass(secure, { encrypted: true, client: subject?.CN ?? null, name })
    })
  }

  function pass(socket: Socket, kind: Front['seen'][number], first?: Buffer) {
    seen.push(kind)
    const behind = connect(Number(port), hostname)
    keep(behind)
    if (first) behind.write(without(first, forget))
    socket.pipe(behind).pipe(socket)
  }

  server.listen(listen)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    async close() {
      for (const socket of open) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** A start-up message (length, version, then names and values, each ended by a NUL) without some of its parameters. */
function without(message: Buffer, names: string[]): Buffer {
  const texts = message.subarray(8).toString('latin1').split('\0')
  const kept = texts.flatMap((name, index) =>
    index % 2 === 0 && name !== '' && !names.includes(name) ? [`${name}\0${texts[index + 1]}\0`] : [],
  )
  const body = Buffer.from(`${kept.join('')}\0`, 'latin1')
  const length = Buffer.alloc(4)
  length.writeUInt32BE(8 + body.length)
  return Buffer.concat([length, message.subarray(4, 8), body])
}
