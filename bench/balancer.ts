import { once } from 'node:events'
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What stands before several processes: each request goes to the one with the fewest under way. */
export type Balancer = {
  url: string
  /** Answers so far, by status; of those that were refused, by their code. */
  answers(): Record<string, number>
  /** Of each fire that came: milliseconds from the instant that it names until it was here first. */
  lateMs(): number[]
  /** The ports of what the requests go to. */
  serve(ports: number[]): void
  /** As Fly's proxy: once each of them has more than `softLimit` requests under way, another one is started. */
  startAbove(softLimit: number, startOne: () => Promise<number>): void
  close(): Promise<void>
}

export async function startBalancer(): Promise<Balancer> {
  const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY })
  const counts: Record<string, number> = {}
  const arrivals = new Map<string, number>()
  let backends: { port: number; load: number }[] = []
  let another: { softLimit: number; startOne: () => Promise<number> } | null = null

  function forward(incoming: IncomingMessage, response: ServerResponse) {
    const backend = backends.toSorted((a, b) => a.load - b.load)[0]
    if (!backend) {
      response.writeHead(502).end()
      return
    }
    // of two with the same load, the other one is next
    backends = [...backends.filter((one) => one !== backend), backend]
    const arrivedAt = Date.now()
    backend.load += 1
    if (another && backend.load > another.softLimit) {
      void another.startOne().then((port) => backends.push({ port, load: 0 }))
      another = null
    }
    response.once('close', () => {
      backend.load -= 1
    })
    const { method, url: path, headers } = incoming
    const call = request(
      { host: '127.0.0.1', port: backend.port, agent, method, path, headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        let body = ''
        answer.on('data', (piece: Buffer) => {
          body += piece.toString()
          response.write(piece)
        })
        answer.on('end', () => {
          response.end()
          count(answer.statusCode ?? 502, body)
        })
      },
    )
    call.on('error', () => {
      count(502, '')
      response.destroy()
    })
    let sent = ''
    incoming.on('data', (piece: Buffer) => {
      sent += piece.toString()
      call.write(piece)
    })
    incoming.on('end', () => {
      call.end()
      if (!arrivals.has(sent)) arrivals.set(sent, arrivedAt)
    })
  }

  function count(status: number, body: string) {
    const name = status < 400 ? String(status) : `${status} ${/"code":"(\w+)"/.exec(body)?.[1] ?? ''}`.trim()
    counts[name] = (counts[name] ?? 0) + 1
  }

  const server = createServer(forward).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answers: () => ({ ...counts }),
    lateMs: () =>
      [...arrivals].map(([body, at]) => at - Date.parse((JSON.parse(body) as { fire_at: string }).fire_at)),
    serve(ports) {
      backends = ports.map((port) => ({ port, load: 0 }))
    },
    startAbove(softLimit, startOne) {
      another = { softLimit, startOne }
    },
    async close() {
      agent.destroy()
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
