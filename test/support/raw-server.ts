import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'

/** A server on loopback that speaks for itself; `sockets` are the connections that are open. */
export async function speaking(t: TestContext, serve: (socket: Socket) => void, port = 0) {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
    serve(socket)
  }).listen(port, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port: given } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${given}`, port: given, sockets }
}

/** The same for one answer: `send` is called when a request has come. */
export function answering(t: TestContext, send: (socket: Socket) => void, port = 0) {
  return speaking(t, (socket) => socket.once('data', () => send(socket)).resume(), port)
}
