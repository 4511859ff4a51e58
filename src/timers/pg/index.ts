import type { FireVerifier, TimerCalls, TimerNeeds } from '../index.ts'
import { createPgClient } from './client.ts'
import { fireKey } from './key.ts'
import { scriptFor } from './script.ts'
import { createTokenCheck } from './token.ts'

/** Postgres with pg_cron and pg_net (docs/timers.md): it looks for due jobs in our own tables, and calls with a token. */
export function createPgTimer({ config, query, log }: TimerNeeds): TimerCalls & FireVerifier {
  const { callbackUrl, encryptionKey, encryptionKeysOld } = config
  if (!encryptionKey) throw new Error('ENCRYPTION_KEY is not set')
  const fireUrl = `${callbackUrl}/api/cron/fire`
  const check = createTokenCheck({ fireUrl, encryptionKeys: [encryptionKey, ...encryptionKeysOld] })
  return {
    ...createPgClient({ query, script: scriptFor({ fireUrl, key: fireKey(encryptionKey) }), log }),
    async verifyFire({ authorization }) {
      check(authorization)
      return {}
    },
    warm: async () => {},
    refreshIfStale: async () => {},
    keysError: () => null,
  }
}
