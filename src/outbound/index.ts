import type { Socket } from 'node:net'
import type { Destination, Dial, Lookup } from './connector.ts'
import { type Line, openLine } from './line.ts'
import type { Arrival, Hop, RedirectRules } from './redirect.ts'

export { type Line, repeatCode } from './line.ts'
export { OutboundRefusal, type RefusalCode } from './refusal.ts'
export type { Destination } from './connector.ts'
export type { Arrival, Hop, RedirectRules } from './redirect.ts'

/** The one way out to whatever a user can name. It lets nothing through to a private address, this service or NAS. */
export type Outbound = {
  /** A guarded fetch, for one call and its redirects; whoever opens it closes it. */
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
  lookup?: Lookup
  dial?: Dial
}

// A target behind a black hole: the system itself would try for two minutes.
const usualConnectTimeoutMs = 10_000

/** All that checks is loaded with the first connection, so that a boot does not pay for it. */
export function createOutbound(parts: Parts): Outbound {
  let connector: Promise<(to: Destination) => Promise<Socket>> | undefined
  async function load() {
    const [{ createGuard }, { createConnector }] = await Promise.all([
      import('./guard.ts'),
      import('./connector.ts'),
    ])
    const timeoutMs = parts.connectTimeoutMs ?? usualConnectTimeoutMs
    return createConnector({ guard: createGuard(parts), timeoutMs, lookup: parts.lookup, dial: parts.dial })
  }
  async function connect(to: Destination): Promise<Socket> {
    connector ??= load()
    return (await connector)(to)
  }
  return { line: () => openLine(connect), connect }
}

/** `followRedirects` of redirect.ts, loaded when it is needed. */
export async function followRedirects(
  first: Hop,
  send: (hop: Hop) => Promise<Response>,
  rules?: RedirectRules,
): Promise<Arrival> {
  const redirect = await import('./redirect.ts')
  return redirect.followRedirects(first, send, rules)
}
