import type { Armer, ArmState } from '../arm.ts'
import type { NasConfig } from '../config.ts'
import type { CronScheduler, JobChange, ReconcileCounts } from './scheduler.ts'

type Parts = {
  config: { nas: NasConfig; callbackUrl: string | null }
  armer: () => Armer
  reconcile: () => Promise<ReconcileCounts>
  fireDue: (jobId: string) => Promise<void>
  log: { error(fields: object, message: string): void }
}

/**
 * The timer is outside: NAS holds one armed one-shot per job and calls us. Nothing waits in this process.
 */
export function createChronosScheduler({ config, armer, reconcile, fireDue, log }: Parts): CronScheduler {
  return {
    name: 'chronos',
    isAvailable() {
      const { nas, callbackUrl } = config
      const hasLogin =
        nas.accessToken !== null ||
        (nas.refreshToken !== null && nas.tokenUrl !== null && nas.clientId !== null)
      return nas.portalUrl !== null && nas.audience !== null && callbackUrl !== null && hasLogin
    },
    /** Starts the reconcile of a boot in the background, and returns. */
    async start() {
      void reconcile().catch((error: unknown) => log.error({ err: error }, 'the reconcile at boot failed'))
    },
    async stop() {
      armer().stop()
    },
    async onJobsChanged(changes: JobChange[], budgetMs: number): Promise<ArmState> {
      const states = await Promise.all(
        changes.map(({ jobId, order = null }) => armer().ensure(jobId, { budgetMs, order })),
      )
      return (
        states.find((state) => state === 'refused') ?? states.find((state) => state === 'owed') ?? 'armed'
      )
    },
    fireDue,
    reconcile,
  }
}
