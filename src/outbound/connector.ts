import { once } from 'node:events'
import { connect, isIP, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { readHost } from '../ground/allow.ts'
import { withTimeLimit } from '../ground/time-limit.ts'
import type { Guard } from './guard.ts'
import type { Lookup } from './lookup.ts'
import type { Memory } from './memory.ts'
import { OutboundRefusal } from './refusal.ts'

/** Begins a connection to the first of `addresses` that answers. */
export type Dial = (addresses: readonly string[], port: number) => Socket

export type Destination = {
  /** A name or an address; IPv6 with or without brackets. */
  host: string
  port: number
  /** True, or options: TLS from the first byte, with a certificate for `host`. */
  tls?: boolean | Pick<ConnectionOptions, 'ca' | 'ALPNProtocols'>
  /** Ends the attempt to connect. An open connection belongs to the caller. */
  signal?: AbortSignal
}

type ConnectorNeeds = {
  guard: Guard
  memory: Memory
  lookup: Lookup
  dial?: Dial | undefined
  timeoutMs: number
}

/**
 * Connections that are checked three times: the host by its name; each address that it has (only those that may be
 * called are tried, and no second look-up can change them); the peer of the socket in the end. Nothing is
 * sent before the last.
 *
 * Rejects with OutboundRefusal TARGET_FORBIDDEN or TARGET_PAUSED (`memory`), with ETIMEDOUT when `timeoutMs` are over for all of it, with the
 * signal's reason, or with the error of the look-up, the connection or TLS.
 */
export function createConnector({ guard, memory, lookup, timeoutMs, ...needs }: ConnectorNeeds): Connect {
  const dial = needs.dial ?? dialAny

  async function open({ host: given, port, tls = false }: Destination, stop: Stop): Promise<Socket> {
    const host = readHost(given)
    if (host === null) throw forbidden(JSON.stringify(given), 'is not a host name or address')
    permit(host, guard.ofHost(host, port))
    const visit = memory.enter(host, port)
    try {
      const socket = await openTo({ host, port, tls }, stop)
      visit.connected()
      return socket
    } catch (error) {
      const pauseMs = visit.failed(stop.isAborted() ? null : error)
      if (pauseMs !== null && error instanceof Error) Object.assign(error, { retryAfterMs: pauseMs })
      throw error
    }
  }

  async function openTo({ host, port, tls }: Required<Omit<Destination, 'signal'>>, stop: Stop) {
    const addresses = isIP(host) ? [host] : await stop.race(lookup(host, stop.signal))
    const reasons = addresses.map((address) => guard.ofAddress(host, address, port))
    const allowed = addresses.filter((_, at) => reasons[at] === null)
    if (allowed.length === 0) permit(host, reasons[0] ?? 'has no address')
    const socket = dial(allowed, port)
    // The caller listens later than the socket may break, and then finds it destroyed.
    socket.on('error', () => undefined)
    try {
      await stop.race(once(socket, 'connect'))
      permit(host, guard.ofAddress(host, socket.remoteAddress ?? '', port))
      socket.setNoDelay(true).setKeepAlive(true, keepAliveAfterMs)
      return tls ? await secure(socket, host, tls === true ? {} : tls, stop) : socket
    } catch (error) {
      socket.destroy()
      throw error
    }
  }

  return async (to) => {
    const stop = stopAfter(timeoutMs, to.signal)
    try {
      return await open(to, stop)
    } finally {
      stop.release()
    }
  }
}

export type Connect = (to: Destination) => Promise<Socket>

const keepAliveAfterMs = 60_000

function permit(host: string, reason: string | null): void {
  if (reason !== null) throw forbidden(host, reason)
}

function forbidden(host: string, reason: string): OutboundRefusal {
  return new OutboundRefusal('TARGET_FORBIDDEN', `host ${host} ${reason}`)
}

/** With several addresses Node's race of families; the look-up it asks for answers with the checked addresses. */
function dialAny(addresses: readonly string[], port: number): Socket {
  const [only = '', another] = addresses
  if (another === undefined) return connect({ host: only, port })
  const checked = addresses.map((address) => ({ address, family: isIP(address) }))
  return connect({
    host: 'checked.invalid',
    port,
    autoSelectFamily: true,
    lookup: (_name, _options, done) => done(null, checked),
  })
}

async function secure(socket: Socket, host: string, options: ConnectionOptions, stop: Stop): Promise<Socket> {
  const name = isIP(host) ? {} : { servername: host }
  const secured = connectTls({ ...options, ...name, socket, host })
  secured.on('error', () => undefined)
  try {
    await stop.race(once(secured, 'secureConnect'))
    return secured
  } catch (error) {
    secured.destroy()
    throw error
  }
}

type Stop = {
  race<T>(work: Promise<T>): Promise<T>
  /** Aborts whenever `race` rejects, and on release. */
  signal: AbortSignal
  /** By the caller, not by the time. */
  isAborted(): boolean
  release(): void
}

/** Without a reason Node makes a DOMException, with its stack, for each connection. */
const released = new Error('no longer connecting')

/** `race` rejects once `timeoutMs` are over or `signal` aborts; nothing here keeps a process up but the timer. */
function stopAfter(timeoutMs: number, signal?: AbortSignal): Stop {
  const late = () => Object.assign(new Error(`not connected after ${timeoutMs} ms`), { code: 'ETIMEDOUT' })
  const limit = withTimeLimit(signal, timeoutMs, late)
  const { promise: stopped, reject } = Promise.withResolvers<never>()
  stopped.catch(() => undefined)
  const refuse = () => reject(limit.signal.reason)
  limit.signal.addEventListener('abort', refuse, { once: true })
  if (limit.signal.aborted) refuse()
  return {
    signal: limit.signal,
    race: (work) => Promise.race([stopped, work]),
    isAborted: () => signal?.aborted ?? false,
    release() {
      limit.release()
      limit.signal.removeEventListener('abort', refuse)
      limit.stop(released)
    },
  }
}
