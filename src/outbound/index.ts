import { isIP, type Socket } from 'node:net'
import { readHost } from '../ground/allow.ts'
import type { Problem } from '../ground/problem.ts'
import type { Call, RefusalOf } from './callable.ts'
import type { Connect, Destination, Dial } from './connector.ts'
import type { Guard } from './guard.ts'
import { type Line, openLine } from './line.ts'
import type { Lookup } from './lookup.ts'
import type { Arrival, Hop, RedirectRules } from './redirect.ts'
import type { Reply } from './send.ts'

export type { Call, RefusalOf } from './callable.ts'
export { CallFailed } from './failed.ts'
export type { Line } from './line.ts'
export { isReservedHeader } from './reserved-headers.ts'
export { OutboundRefusal, type RefusalCode } from './refusal.ts'
export type { Destination } from './connector.ts'
export type { Arrival, Hop, RedirectRules } from './redirect.ts'
export type { Reply } from './send.ts'

/** The one way out to whatever a user can name. It lets nothing through to a private address, this service or NAS. */
export type Outbound = {
  /** Guarded calls, for one attempt; the opener closes it. */
  line(): Line
  /** A guarded connection, for protocols other than HTTP. Rejects as `createConnector` says. */
  connect(to: Destination): Promise<Socket>
  /** Why a host is never called at a port, as far as that is certain without a look-up; null: it may be. */
  refusalOf: RefusalOf
}

type OutboundNeeds = {
  /** Entries of TARGET_ALLOW (`readAllowEntry`): private targets that may be called. */
  allow: readonly string[]
  /** URLs that are never called, whatever `allow` says. */
  own: readonly string[]
  /** For look-up, connection and TLS together. */
  connectTimeoutMs?: number
  /** `address:port` of those that are asked for names; default: those of the system. */
  nameServers?: readonly string[] | undefined
  lookup?: Lookup
  dial?: Dial
  /** Milliseconds of a clock that only goes forward. */
  now?: () => number
}

// A target behind a black hole: the system itself would try for two minutes.
const usualConnectTimeoutMs = 10_000

/** All that checks is loaded with the first connection, so that a boot does not pay for it. */
export function createOutbound(needs: OutboundNeeds): Outbound {
  let loadedGuard: Promise<Guard> | undefined
  function guard(): Promise<Guard> {
    loadedGuard ??= import('./guard.ts').then(({ createGuard }) => createGuard(needs))
    return loadedGuard
  }
  let connector: Promise<Connect> | undefined
  async function load() {
    const [guarding, { createConnector }, { createLookup }, { createMemory }] = await Promise.all([
      guard(),
      import('./connector.ts'),
      import('./lookup.ts'),
      import('./memory.ts'),
    ])
    return createConnector({
      guard: guarding,
      memory: createMemory(needs.now ?? (() => performance.now())),
      lookup: needs.lookup ?? createLookup(needs),
      dial: needs.dial,
      timeoutMs: needs.connectTimeoutMs ?? usualConnectTimeoutMs,
    })
  }
  async function connect(to: Destination): Promise<Socket> {
    connector ??= load()
    return (await connector)(to)
  }
  async function refusalOf(given: string, port: number): Promise<string | null> {
    const { ofHost, ofAddress } = await guard()
    const host = readHost(given)
    if (host === null) return `host ${JSON.stringify(given)} is not a host name or address`
    const reason = ofHost(host, port) ?? (isIP(host) ? ofAddress(host, host, port) : null)
    return reason && `host ${host} ${reason}`
  }
  return { line: () => openLine(connect), connect, refusalOf }
}

/**
 * The same without a guard and without a memory, for addresses from the configuration, which no user can set: the portal, which in
 * development is on this machine.
 */
export function unguardedLine(): Line {
  const may = { ofHost: () => null, ofAddress: () => null }
  const memory = { enter: () => ({ connected: () => undefined, failed: () => null }) }
  return openLine(async (to) => {
    const [{ createConnector }, { createLookup }] = await Promise.all([
      import('./connector.ts'),
      import('./lookup.ts'),
    ])
    const connect = createConnector({
      ...{ guard: may, memory, lookup: createLookup() },
      timeoutMs: usualConnectTimeoutMs,
    })
    return connect(to)
  })
}

/** `followRedirects` of redirect.ts, loaded when it is needed. */
export async function followRedirects<Got extends Reply>(
  first: Hop,
  send: (hop: Hop) => Promise<Got>,
  rules?: RedirectRules,
): Promise<Arrival<Got>> {
  const redirect = await import('./redirect.ts')
  return redirect.followRedirects(first, send, rules)
}

/** `uncallableIn` of callable.ts, loaded when something that is called is saved. */
export async function uncallableIn(
  calls: readonly Call[],
  path: string,
  refusalOf: RefusalOf,
): Promise<Problem[]> {
  const callable = await import('./callable.ts')
  return callable.uncallableIn(calls, path, refusalOf)
}
