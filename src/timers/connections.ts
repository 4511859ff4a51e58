import type { Agent, ClientRequestArgs } from 'node:http'
import { isIP, type Socket } from 'node:net'

/** The connections to a timer: kept while they are used, and the first one opened before it is needed. */
export type Connections = {
  agent: Agent
  /**
   * Opens a connection for the next call of `url`, unless there is one. It never fails: a connection that does not come
   * about, or that idles for some seconds, is gone, and the call opens its own.
   */
  open(url: URL): void
}

// A connection idles for less than the 5 s after which common servers close theirs, so that none is used that is
// being closed. As many at once as a portal can be expected to like.
const idleMs = 4_000
const limits = { keepAlive: true, timeout: idleMs, maxSockets: 64 }

type Early = { socket: Socket; host: string; port: number }

/** `Kind`: the agent of `node:http` or of `node:https`. */
export function createConnections(Kind: typeof Agent): Connections {
  const agent = new Kind(limits) as Agent & { options: object }
  const connect = agent.createConnection.bind(agent)
  let early: Early | null = null

  agent.createConnection = (options, done) => take(options) ?? connect(options, done)

  function take({ host, port }: ClientRequestArgs): Socket | null {
    const found = early
    if (!found || found.host !== host || found.port !== Number(port)) return null
    early = null
    found.socket.removeListener('timeout', giveUp)
    found.socket.removeListener('error', ignore)
    return found.socket.destroyed ? null : found.socket.ref()
  }

  function open({ protocol, hostname, port: named }: URL) {
    // as `request` reads them of a URL
    const host = hostname.replace(/^\[(.*)\]$/, '$1')
    const port = Number(named) || (protocol === 'https:' ? 443 : 80)
    const name = `${host}:${port}:`
    if (early || hasOne(agent.sockets, name) || hasOne(agent.freeSockets, name)) return
    const servername = isIP(host) === 0 && { servername: host }
    const socket = connect({ ...agent.options, host, port, ...servername }) as Socket
    const opened = { socket, host, port }
    early = opened
    socket.on('timeout', giveUp)
    socket.on('error', ignore)
    socket.once('close', () => {
      if (early === opened) early = null
    })
    // by itself it keeps no process up
    socket.unref()
  }

  return { agent, open }
}

function giveUp(this: Socket) {
  this.destroy()
}

/** The call that needs a connection meets what is wrong, and tells of it. */
function ignore() {}

/** An agent keeps sockets by names that begin so. */
function hasOne(sockets: object, name: string): boolean {
  for (const kept in sockets) if (kept.startsWith(name)) return true
  return false
}
