import type { JSONWebKeySet } from '../../src/token/index.ts'

export type StoredKeys = { jwks_url: string; jwks: JSONWebKeySet; fetched_at: Date }[]

/** The stored key sets, in texts that are the same whatever a session is set to. */
export const keysQuestion =
  'select jwks_url, jwks::text, (extract(epoch from fetched_at) * 1000)::text from nas_keys'

export function readKeysAnswer(rows: (string | null)[][]): StoredKeys {
  return rows.map(([jwksUrl, jwks, fetchedAtMs]) => ({
    jwks_url: jwksUrl ?? '',
    jwks: JSON.parse(jwks ?? '{}') as JSONWebKeySet,
    fetched_at: new Date(Number(fetchedAtMs)),
  }))
}
