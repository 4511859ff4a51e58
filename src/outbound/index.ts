import type { Socket } from 'node:net'
import type { Connect, Destination, Dial } from './connector.ts'
import { type Line, openLine } from './line.ts'
import type { Lookup } from './lookup.ts'
import type { Arrival, Hop, RedirectRules } from './redirect.ts'
import type { Reply } from './send.ts'

export { CallFailed } from './failed.ts'
export type { Line } from './line.ts'
export { OutboundRefusal, type RefusalCode } from './refusal.ts'
export type { Destination } from './connector.ts'
export type { Arrival, Hop, RedirectRules } from './redirect.ts'
export type { Reply } from './send.ts'

/** The one way out to whatever a user can name. It lets nothing through to a private address, this service or NAS. */
export type Outbound = {
  /** Guarded calls, for one attempt; whoever opens it closes it. */
  line(): Line
  /** A guarded connection, for what is not HTTP. Rejects as `createConnector` says. */
  connect(to: Destination): Promise<Socket>
}

type Parts = {
  /** Entries of TARGET_ALLOW (`readAllowEntry`): what may be called although it is private. */
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
export function createOutbound(parts: Parts): Outbound {
  let connector: Promise<Connect> | undefined
  async function load() {
    const [{ createGuard }, { createConnector }, { createLookup }, { createMemory }] = await Promise.all([
      import('./guard.ts'),
      import('./connector.ts'),
      import('./lookup.ts'),
      import('./memory.ts'),
    ])
    return createConnector({
      guard: createGuard(parts),
      memory: createMemory(parts.now ?? (() => performance.now())),
      lookup: parts.lookup ?? createLookup(parts),
      dial: parts.dial,
      timeoutMs: parts.connectTimeoutMs ?? usualConnectTimeoutMs,
    })
  }
  async function connect(to: Destination): Promise<Socket> {
    connector ??= load()
    return (await connector)(to)
  }
  return { line: () => openLine(connect), connect }
}

/**
 * The same without a guard and without a memory, for what the configuration names and no user can: the portal, which in
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
