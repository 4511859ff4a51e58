import { connect as connectTcp, isIP, type Socket } from 'node:net'
import type { DatabaseTls } from '../../src/ground/database-tls.ts'
import type { DatabaseServer, DatabaseTarget } from '../../src/ground/database-url.ts'
import { connectionError } from './connection-error.ts'
import { takeOpened } from './opened.ts'

type Dial = {
  server: DatabaseServer
  target: Pick<DatabaseTarget, 'tls' | 'keepAliveS'>
  timeoutMs: number
  /** Gets the socket at once, so that the caller can destroy it. */
  onSocket: (socket: Socket) => void
}

/**
 * A connection to one server, encrypted if its URL asks for that. The certificate is compared with the host of the URL
 * (names and addresses alike), as libpq does; postgres.js would compare that of an address with `localhost`.
 */
export async function dial({ server, target, timeoutMs, onSocket }: Dial): Promise<Socket> {
  const { address, port } = server
  const isLocal = address.startsWith('/') || address.startsWith('@')
  const socket = isLocal
    ? connectTcp({ path: `${address.replace(/^@/, '\0')}/.s.PGSQL.${port}` })
    : (takeOpened(address, port) ?? connectTcp({ host: address, port, noDelay: true }))
  // a caller that waits for it gets the failure; while none does, it must not end the process
  socket.on('error', () => {})
  onSocket(socket)
  const timer = setTimeout(() => socket.destroy(connectionError('CONNECT_TIMEOUT')), timeoutMs)
  try {
    // one that was begun before may stand
    if (socket.connecting) await once(socket, 'connect')
    const { keepAliveS } = target
    if (keepAliveS !== 0 && !isLocal) socket.setKeepAlive(true, (keepAliveS ?? usualKeepAliveS) * 1_000)
    if (isLocal || target.tls.mode === 'disable') return socket
    return await secured(socket, server, target.tls)
  } catch (error) {
    socket.destroy()
    throw error
  } finally {
    clearTimeout(timer)
  }
}

const usualKeepAliveS = 60

/** https://www.postgresql.org/docs/current/protocol-flow.html, "SSL Session Encryption": length 8, code 80877103. */
const sslRequest = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f])

async function secured(socket: Socket, { name }: DatabaseServer, tls: DatabaseTls): Promise<Socket> {
  if (!tls.isDirect) {
    socket.write(sslRequest)
    const answer = (await once(socket, 'data')) as Buffer
    // more than one byte would have been inserted on the way, before anything was encrypted
    if (answer.length !== 1) throw connectionError('CONNECT_TLS_REFUSED')
    if (answer.toString() !== 'S') {
      if (tls.mode === 'prefer') return socket
      throw connectionError('CONNECT_TLS_REFUSED')
    }
  }
  const { checkServerIdentity, connect: connectTls } = await import('node:tls')
  const { mode, isDirect, sendsName, ...files } = tls
  const verifies =
    mode === 'verify-ca' || mode === 'verify-full' || (mode === 'prefer' && files.ca !== undefined)
  const encrypted = connectTls({
    ...files,
    socket,
    // an address is never sent as a name (RFC 6066, section 3)
    ...(sendsName && isIP(name) === 0 && { servername: name }),
    ...(isDirect && { ALPNProtocols: ['postgresql'] }),
    rejectUnauthorized: verifies,
    checkServerIdentity: (_, certificate) =>
      mode === 'verify-full' ? checkServerIdentity(name, certificate) : undefined,
  })
  encrypted.on('error', () => {})
  await once(encrypted, 'secureConnect')
  return encrypted
}

/** The first value of an event; rejects if the socket fails or closes before. */
function once(socket: Socket, event: 'connect' | 'data' | 'secureConnect'): Promise<unknown> {
  return new Promise((resolve, reject) => {
    function over() {
      socket.removeListener(event, onEvent)
      socket.removeListener('error', onError)
      socket.removeListener('close', onClose)
    }
    function onEvent(value: unknown) {
      over()
      resolve(value)
    }
    function onError(error: Error) {
      over()
      reject(error)
    }
    function onClose() {
      over()
      reject(connectionError('CONNECTION_CLOSED'))
    }
    socket.once(event, onEvent)
    socket.once('error', onError)
    socket.once('close', onClose)
  })
}
