import type { JSONWebKeySet } from 'jose'
import { unguardedLine } from '../outbound/index.ts'
import { failureName } from '../ground/failure-name.ts'
import { readJsonObject } from '../ground/json.ts'
import { requirePortalUrl } from '../ground/portal-url.ts'
import { readLimited } from '../ground/read-limited.ts'
import { readKeySet } from './key-set.ts'

// Each key is below 1 KiB.
const maxBytes = 128 * 1024
const timeoutMs = 5_000

/**
 * A function that asks the portal for its keys: one request, no redirect followed, at most 5 s and 128 KiB.
 * It rejects with an Error that describes the answer.
 */
export function createKeyFetch(parts: { jwksUrl: string; userAgent: string }): () => Promise<JSONWebKeySet> {
  const url = requirePortalUrl(parts.jwksUrl)
  // The portal's firewall refuses the defaults of libraries.
  const headers = Object.entries({ accept: 'application/json', 'user-agent': parts.userAgent })
  const asked = { url, method: 'GET', headers, body: null }

  async function ask(): Promise<string | null> {
    const line = unguardedLine()
    try {
      const reply = await line.send(asked, AbortSignal.timeout(timeoutMs)).catch(unreachable)
      if (reply.status !== 200) throw new Error(`the key set was answered with status ${reply.status}`)
      return await readLimited(reply, maxBytes).catch(unreachable)
    } finally {
      await line.close()
    }
  }

  return async () => {
    const text = await ask()
    if (text === null) throw new Error(`the key set is larger than ${maxBytes} bytes`)
    const jwks = readKeySet(readJsonObject(text))
    if (!jwks) throw new Error('the answer is not a key set, {"keys":[…]}')
    // A portal that signs has keys. An empty set is trouble on its side, and must not replace the last good one.
    if (jwks.keys.length === 0) throw new Error('the key set is empty')
    return jwks
  }
}

function unreachable(cause: unknown): never {
  throw new Error(`the key set could not be fetched: ${failureName(cause)}`, { cause })
}
