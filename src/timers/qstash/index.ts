import type { FireVerifier, TimerCalls, TimerNeeds } from '../index.ts'
import { createQstashClient } from './client.ts'
import { createSignatureCheck } from './signature.ts'

/** QStash of Upstash (docs/timers.md): one scheduled message for each wake-up, and its signature on each fire. */
export function createQstashTimer({ config, userAgent, log }: TimerNeeds): TimerCalls & FireVerifier {
  const { qstash, callbackUrl } = config
  const verifyFire = createSignatureCheck({
    fireUrl: `${callbackUrl}/api/cron/fire`,
    keys: [qstash.currentSigningKey, qstash.nextSigningKey].filter((key) => key !== null),
  })
  return {
    ...createQstashClient({ ...qstash, token: qstash.token ?? '', userAgent, log }),
    async verifyFire({ 'upstash-signature': signature }, likely) {
      const fire = await verifyFire(signature)
      likely?.()
      return fire
    },
    warm: async () => {},
    refreshIfStale: async () => {},
    keysError: () => null,
  }
}
