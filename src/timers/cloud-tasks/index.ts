import { createGoogleTokenVerifier } from '../../token/index.ts'
import type { FireVerifier, TimerCalls, TimerNeeds } from '../index.ts'
import { createAccess } from './access.ts'
import { createCloudTasksClient } from './client.ts'

/** Google Cloud Tasks (docs/timers.md): one task for each wake-up, and Google's token on each fire. */
export function createCloudTasksTimer({
  config,
  userAgent,
  keyStore,
  log,
}: TimerNeeds): TimerCalls & FireVerifier {
  const { callbackUrl, cloudTasks } = config
  const { queue, key, caller, jwksUrl } = cloudTasks
  if (!queue || !key || !caller) throw new Error('Cloud Tasks is not configured')
  const tokens = createGoogleTokenVerifier({
    ...{ audience: `${callbackUrl}/api/cron/fire`, email: caller },
    ...{ jwksUrl, userAgent, keyStore: keyStore(jwksUrl), log },
  })
  const access = createAccess({ key, userAgent })
  return {
    ...createCloudTasksClient({ ...cloudTasks, queue, caller, access, userAgent, log }),
    async verifyFire({ authorization }, likely) {
      await tokens.verify(authorization, likely)
      return {}
    },
    warm: tokens.warm,
    refreshIfStale: tokens.refreshIfStale,
    keysError: () => tokens.health().lastError,
  }
}
