import { hash } from 'node:crypto'
import type { JWK } from 'jose'

const maxTokens = 1_000

/**
 * Tokens whose signature is right, each beside the key that says so: a set of keys that is fetched again begins with none.
 * Only the signature is remembered, so each use checks the claims. At most 1,000 of a key, the oldest go first.
 */
export function createProvedTokens() {
  const known = new WeakMap<JWK, Set<string>>()

  return {
    has: (key: JWK, digest: string): boolean => known.get(key)?.has(digest) ?? false,

    add(key: JWK, digest: string): void {
      const digests = known.get(key) ?? new Set<string>()
      known.set(key, digests)
      const [oldest] = digests
      if (digests.size >= maxTokens && oldest !== undefined) digests.delete(oldest)
      digests.add(digest)
    },
  }
}

/** In place of a token: it is short, and nothing can be done with it. */
export const digestOf = (text: string): string => hash('sha256', text, 'base64url')
