import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** What happens to the bytes. A change of mode acts on open connections too, except where it says "new". */
export type ProxyMode =
  | { kind: 'pass' }
  /** New connections are refused (the port is closed); open ones are reset. */
  | { kind: 'refuse' }
  /** Open and new connections are reset at once. */
  | { kind: 'reset' }
  /** New connections are accepted and closed at the client's first bytes, unanswered; open ones pass. */
  | { kind: 'close_at_startup' }
  /** Nothing moves either way and nothing is closed, as when the peer or a router between has vanished. */
  | { kind: 'black_hole' }
  /** Everything passes, `ms` late each way, and a new connection stands as late as both ways together. */
  | { kind: 'slow'; ms: number }
  /**
   * The next request on any connection reaches the target; its reply is dropped, the connection reset, and the
   * mode is `pass` again. (A Postgres client that prepares a statement sends that as a request of its own.)
   */
  | { kind: 'lose_reply' }

export type TcpProxy = {
  port: number
  /** Accepted since the start; open now; bytes that each of all connections has moved, in order of arrival. */
  counters: () => { accepted: number; open: number; connections: ConnectionCounters[] }
  setMode: (mode: ProxyMode['kind'] | ProxyMode) => Promise<void>
  close: () => Promise<void>
}

/** `questions`: how often the client spoke for the first time since the target did: its round trips, but for TCP's own. */
export type ConnectionCounters = { toTarget: number; toClient: number; questions: number }

/** A TCP proxy on a free loopback port that fails as it is told to. Bytes are neither read nor changed. */
export async function startTcpProxy({
  target,
}: {
  target: { host: string; port: number }
}): Promise<TcpProxy> {
  const open = new Set<Link>()
  const counters: ConnectionCounters[] = []
  let mode: ProxyMode = { kind: 'pass' }

  const server = createServer({ noDelay: true }, (client) => {
    const count = { toTarget: 0, toClient: 0, questions: 0 }
    counters.push(count)
    const link = linkUp(client, target, count, {
      mode: () => mode,
      loseReply: () => {
        mode = { kind: 'pass' }
      },
    })
    open.add(link)
    client.once('close', () => open.delete(link))
  })
  await listen(server, 0)
  const { port } = addressOf(server)

  async function setMode(wanted: ProxyMode['kind'] | ProxyMode): Promise<void> {
    mode = typeof wanted === 'string' ? modeNamed(wanted) : wanted
    const isClosed = mode.kind === 'refuse'
    if (isClosed && server.listening) server.close()
    if (!isClosed && !server.listening) await listen(server, port)
    for (const link of open) link.modeChanged(mode)
  }

  return {
    port,
    counters: () => ({ accepted: counters.length, open: open.size, connections: counters }),
    setMode,
    async close() {
      for (const link of open) link.reset()
      if (!server.listening) return
      server.close()
      await once(server, 'close')
    },
  }
}

type Link = { modeChanged(mode: ProxyMode): void; reset(): void }

function linkUp(
  client: Socket,
  target: { host: string; port: number },
  count: ConnectionCounters,
  now: { mode(): ProxyMode; loseReply(): void },
): Link {
  const bornIn = now.mode()
  const born = bornIn.kind
  // the kernel took the client in at once: what it says is held back until it would have known
  const standsAt = performance.now() + (bornIn.kind === 'slow' ? 2 * bornIn.ms : 0)
  const [toTarget, toClient] = [createLane(), createLane()]
  let isAnswered = true
  const upstream = connect({ ...target, noDelay: true })
  let replyIsLost = false

  function reset(): void {
    client.resetAndDestroy()
    upstream.destroy()
  }

  function modeChanged({ kind }: ProxyMode): void {
    if (kind === 'refuse' || kind === 'reset') reset()
    if (kind === 'black_hole') pause(client, upstream)
    else resume(client, upstream)
  }

  client.on('data', (bytes: Buffer) => {
    if (born === 'close_at_startup') {
      client.end()
      return
    }
    const mode = now.mode()
    if (mode.kind === 'lose_reply') {
      replyIsLost = true
      now.loseReply()
    }
    count.toTarget += bytes.length
    if (isAnswered) count.questions += 1
    isAnswered = false
    toTarget(upstream, bytes, mode, standsAt)
  })
  upstream.on('data', (bytes: Buffer) => {
    if (replyIsLost) {
      reset()
      return
    }
    count.toClient += bytes.length
    isAnswered = true
    toClient(client, bytes, now.mode(), standsAt)
  })
  for (const [socket, other] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    socket.on('error', () => other.destroy())
    socket.on('end', () => other.end())
    socket.on('close', () => other.destroy())
  }
  modeChanged(now.mode())
  return { modeChanged, reset }
}

/** One direction of a connection: what is late stays in its order. */
function createLane() {
  const late: Buffer[] = []
  return (to: Socket, bytes: Buffer, mode: ProxyMode, standsAt: number): void => {
    if (mode.kind !== 'slow') {
      to.write(bytes)
      return
    }
    late.push(bytes)
    const waitMs = Math.max(0, standsAt - performance.now())
    setTimeout(() => {
      const next = late.shift()
      if (next && to.writable) to.write(next)
    }, waitMs + mode.ms)
  }
}

function pause(...sockets: Socket[]): void {
  for (const socket of sockets) socket.pause()
}

function resume(...sockets: Socket[]): void {
  for (const socket of sockets) socket.resume()
}

function modeNamed(kind: ProxyMode['kind']): ProxyMode {
  return kind === 'slow' ? { kind, ms: 100 } : { kind }
}

async function listen(server: ReturnType<typeof createServer>, port: number): Promise<void> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
}

function addressOf(server: ReturnType<typeof createServer>): AddressInfo {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy does not listen on a port')
  return address
}
