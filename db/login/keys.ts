import type { StoredKeys } from '../index.ts'

/** The stored key sets, in texts that are the same whatever a session is set to. */
export const keysQuestion =
  'select jwks_url, jwks::text, (extract(epoch from fetched_at) * 1000)::text from nas_keys'

export function readKeysAnswer(rows: (string | null)[][]): StoredKeys {
  return rows.map(([jwksUrl, jwks, fetchedAtMs]) => ({
    jwks_url: jwksUrl ?? '',
    jwks: JSON.parse(jwks ?? '{}') as StoredKeys[number]['jwks'],
    fetched_at: new Date(Number(fetchedAtMs)),
  }))
}
