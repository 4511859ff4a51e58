import { once } from 'node:events'
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { Events } from './events.ts'
import type { Machine } from './machine.ts'

export type ProxySettings = {
  /** How long a machine that was started is dialled until it accepts; then the request is given up. */
  connectMs: number
  /** How often a request that got no answer is sent again. */
  resends: number
  /** More proxied requests than this on each machine that is up start another one. */
  softLimit: number
}

export type Proxy = {
  url: string
  /** The next `count` answers get lost on their way from the machine: the request is sent again. */
  loseAnswers(count: number): void
  close(): Promise<void>
}

type ProxyNeeds = { machines: Machine[]; settings: ProxySettings; events: Events; port?: number }
type Incoming = { method: string; path: string; headers: IncomingHttpHeaders; body: Buffer }
type Answer = { status: number; headers: IncomingHttpHeaders; body: Buffer }

const redialMs = 10

/** The connection broke after the request was sent, and no one knows what became of it. */
class Unanswered extends Error {}

/**
 * The proxy in front of all machines: takes a request, finds a machine that is awake or wakes one, dials it until it
 * accepts, sends the request, and sends it again if it got no answer.
 */
export async function startProxy({ machines, settings, events, port = 0 }: ProxyNeeds): Promise<Proxy> {
  let answersToLose = 0
  let isOpen = true

  async function handle(incoming: Incoming): Promise<Answer> {
    const label = `${incoming.method} ${incoming.path}`
    events.add(null, 'request', label)
    for (let sent = 0; ; sent++) {
      try {
        const answer = await sendOnce(incoming)
        if (!answer) return gaveUp(label)
        events.add(null, 'answer', `${label} ${answer.status}`)
        return answer
      } catch (error) {
        if (!(error instanceof Unanswered) || sent >= settings.resends) return gaveUp(label)
        events.add(null, 'resend', label)
      }
    }
  }

  /** Null: no machine accepted in time. */
  async function sendOnce(incoming: Incoming): Promise<Answer | null> {
    const endsAt = performance.now() + settings.connectMs
    while (isOpen && performance.now() < endsAt) {
      const machine = choose()
      const answer = machine && (await tryMachine(machine, incoming))
      if (answer) return answer
      if (!machine) await delay(redialMs)
    }
    return null
  }

  /** One that is awake before one that is not; a suspended one before one that has to boot. */
  function choose(): Machine | null {
    const awake = machines
      .filter((machine) => machine.state() === 'started')
      .toSorted((a, b) => a.load - b.load)[0]
    if (awake && awake.load < settings.softLimit) return awake
    const asleep =
      machines.find((machine) => machine.state() === 'suspended') ??
      machines.find((machine) => machine.state() === 'stopped')
    asleep?.start('a request came')
    return asleep ?? awake ?? null
  }

  /** Null: no one listens there (yet, or any more). */
  async function tryMachine(machine: Machine, incoming: Incoming): Promise<Answer | null> {
    machine.load += 1
    try {
      const answer = await forward(machine.port, incoming)
      if (answer && answersToLose > 0) {
        answersToLose -= 1
        throw new Unanswered()
      }
      // a request that is queued for a machine counts as its load already
      if (!answer) await delay(redialMs)
      return answer
    } finally {
      machine.load -= 1
    }
  }

  function gaveUp(label: string): Answer {
    events.add(null, 'gave_up', label)
    return { status: 502, headers: {}, body: Buffer.from('no machine answered') }
  }

  const server = createServer((incoming, response) => {
    readRequest(incoming)
      .then(handle)
      .then((answer) => reply(response, answer))
      .catch(() => response.destroy())
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    loseAnswers(count) {
      answersToLose = count
    },
    async close() {
      isOpen = false
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

/** Null if the connection is refused. @throws Unanswered: it broke later. */
function forward(port: number, { method, path, headers, body }: Incoming): Promise<Answer | null> {
  return new Promise((resolve, reject) => {
    const { connection: _connection, 'transfer-encoding': _encoding, ...kept } = headers
    const sending = request({
      ...{ host: '127.0.0.1', port, method, path, agent: false },
      headers: { ...kept, 'content-length': body.length, connection: 'close' },
    })
    sending.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') resolve(null)
      else reject(new Unanswered(error.message))
    })
    sending.on('response', (response) => {
      readAll(response).then(
        (read) => resolve({ status: response.statusCode ?? 502, headers: response.headers, body: read }),
        (error: Error) => reject(new Unanswered(error.message)),
      )
    })
    sending.end(body)
  })
}

async function readRequest(incoming: IncomingMessage): Promise<Incoming> {
  const body = await readAll(incoming)
  return { method: incoming.method ?? 'GET', path: incoming.url ?? '/', headers: incoming.headers, body }
}

async function readAll(message: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of message as AsyncIterable<Buffer>) pieces.push(piece)
  return Buffer.concat(pieces)
}

function reply(response: ServerResponse, { status, headers, body }: Answer): void {
  const { connection: _connection, 'transfer-encoding': _encoding, 'keep-alive': _alive, ...kept } = headers
  response.writeHead(status, { ...kept, 'content-length': body.length }).end(body)
}
