import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { type Faults, takeApiFault } from './faults.ts'

export type StandInCall = { method: string; path: string; headers: IncomingMessage['headers']; body: Buffer }
export type StandInAnswer = { status: number; body?: unknown }

/** An HTTP server on loopback that answers with `handle`, unless `faults` say otherwise; a path that is spared meets none. */
export async function startStandInServer(
  faults: Faults,
  handle: (call: StandInCall) => Promise<StandInAnswer>,
  isSpared: (path: string) => boolean = () => false,
) {
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy())
  })

  async function answer(request: IncomingMessage, response: ServerResponse) {
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const { method = '', url = '', headers } = request
    const fault = isSpared(url) ? null : takeApiFault(faults, method)
    if (fault?.kind === 'down') return void request.socket.destroy()
    if (fault?.kind === 'refuse')
      return send(response, { status: fault.status, body: { error: 'as the test has it' } })
    const answered = await handle({ method, path: url, headers, body: Buffer.concat(chunks) })
    if (fault?.kind === 'lost') return void request.socket.destroy()
    if (fault?.kind === 'slow') await delay(fault.ms)
    send(response, answered)
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function send(response: ServerResponse, { status, body }: StandInAnswer) {
  const text = typeof body === 'string' ? body : JSON.stringify(body ?? {})
  const type = typeof body === 'string' ? 'text/plain' : 'application/json'
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text) }).end(text)
}
