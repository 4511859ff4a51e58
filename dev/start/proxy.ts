import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { once } from 'node:events'

type Place = { host: string; port: number }

export type Proxy = {
  url: string
  /** From now on calls go there; those that came before are let through. */
  open(service: Place): void
  close(): void
}

/**
 * What stands in front of the service, as it does where machines are off most of the time: the address that NAS
 * calls stays the same over restarts, whatever port the service got, and a call that comes while the service
 * boots waits for it.
 */
export async function startProxy(port: number): Promise<Proxy> {
  const service = Promise.withResolvers<Place>()
  const server = createServer((incoming, response) => {
    void service.promise.then((to) => passOn(incoming, response, to))
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: proxyUrl(port),
    open: service.resolve,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

export function proxyUrl(port: number): string {
  return `http://127.0.0.1:${port}`
}

function passOn(incoming: IncomingMessage, response: ServerResponse, { host, port }: Place): void {
  const { method, url, headers } = incoming
  const outgoing = request({ host, port, method, path: url, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.pipe(response)
  })
  outgoing.once('error', () => response.destroy())
  response.once('close', () => outgoing.destroy())
  incoming.pipe(outgoing)
}
