import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'

/** What becomes of the next call that `fits`: its answer is lost, it is refused, or its stream is cut after an event. */
export type Fault = { fits: RegExp; does: 'lose' | 'cut' | number }

/** What stands before a service in the wild: it forwards, and misbehaves as it is told. `seen`: `GET /path`, header. */
export async function startFront(to: string) {
  const faults: Fault[] = []
  const seen: { call: string; headers: IncomingMessage['headers'] }[] = []
  const server = createServer(
    (request, response) => void pass(request, response).catch(() => response.destroy()),
  )

  async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const call = `${request.method} ${request.url}`
    seen.push({ call, headers: request.headers })
    const at = faults.findIndex(({ fits }) => fits.test(call))
    const [fault] = at < 0 ? [] : faults.splice(at, 1)
    if (typeof fault?.does === 'number')
      return void response.writeHead(fault.does, { 'retry-after': '0' }).end()

    const { host: _, connection: __, ...headers } = request.headers as Record<string, string>
    const body = await buffer(request)
    const answer = await fetch(to + request.url, {
      ...{ method: request.method ?? 'GET', headers },
      ...(body.length > 0 && { body }),
    })
    if (fault?.does === 'lose') return void response.destroy()
    response.writeHead(answer.status, Object.fromEntries(answer.headers))
    for await (const piece of answer.body ?? []) {
      const text = fault?.does === 'cut' ? firstEventIn(Buffer.from(piece).toString()) : undefined
      if (text !== undefined) return void response.write(text, () => setImmediate(() => response.destroy()))
      response.write(piece)
    }
    response.end()
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  return {
    url: `http://127.0.0.1:${port}`,
    ...{ faults, seen },
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** Up to the end of the first event of a log; undefined: there is none. */
function firstEventIn(text: string): string | undefined {
  return /^[^]*?event: log[^]*?\n\n/.exec(text)?.[0]
}
