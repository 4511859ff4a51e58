/**
 * Credentials that the relay gives out: `rat_…` access tokens (of an agent, or of its login), `rrt_…` refresh tokens.
 * Each names its agent, so that a host that keeps agents apart knows where to ask: kind, agent, then random hex.
 */
export type Kind = 'rat' | 'rrt'

export function newToken(kind: Kind, agentId: string, part = newSecret()): string {
  return `${kind}_${agentId}_${part}`
}

/** The agent that a token names, and its last part; null: it is no token of this kind. Proves nothing. */
export function readToken(kind: Kind, token: string): { agentId: string; part: string } | null {
  const [, agentId, part] = /^[a-z]{3}_([a-z0-9-]{1,63})_([0-9a-f-]{1,200})$/.exec(token) ?? []
  return token.startsWith(`${kind}_`) && agentId && part ? { agentId, part } : null
}

/** 32 random bytes as hex. */
export function newSecret(bytes = 32): string {
  return hex(crypto.getRandomValues(new Uint8Array(bytes)))
}

/** SHA-256 as hex. The inputs are long and random, so that the hash need not be slow. */
export async function hashOf(text: string): Promise<string> {
  return hex(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))))
}

/** Compares two hashes in a time that does not depend on where they differ. */
export function isSameHash(one: string, other: string): boolean {
  let differing = one.length ^ other.length
  for (let index = 0; index < one.length; index += 1)
    differing |= one.charCodeAt(index) ^ other.charCodeAt(index)
  return differing === 0
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
