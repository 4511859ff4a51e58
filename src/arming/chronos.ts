import type { Armer, ArmState } from './arm.ts'
import type { Holds } from '../ground/holds.ts'
import { sleep, type Delays } from '../ground/delays.ts'
import type { BootSeen } from './listing.ts'
import type { CronScheduler, JobChange, ReconcileCounts } from './scheduler.ts'

type ChronosNeeds = {
  /** That of the timer. */
  name: string
  armer: Armer
  reconcile: (seen?: BootSeen | null) => Promise<ReconcileCounts>
  fireDue: (jobId: string) => Promise<void>
  holds: Holds
  delays: Delays
  log: { error(fields: object, message: string): void }
}

/** With growing pauses about ten minutes; after that the process may go, and the next boot looks again. */
const bootTries = 15

/**
 * The timer is outside: it holds what is armed, and calls us. Nothing waits in this process.
 */
export function createChronosScheduler(needs: ChronosNeeds): CronScheduler {
  const { name, armer, reconcile, fireDue, holds, delays, log } = needs
  const stopping = new AbortController()

  /** Postgres or the timer may be down for the moment; missed work must not wait for the next boot. */
  async function reconcileAtBoot(seen: BootSeen | null) {
    for (let tries = 1; tries <= bootTries && !stopping.signal.aborted; tries++) {
      const isComplete = await reconcile(tries === 1 ? seen : null).then(
        ({ complete }) => complete,
        (error: unknown) => log.error({ err: error, tries }, 'the reconcile at boot failed'),
      )
      if (isComplete) return
      await sleep(delays, Math.min(1_000 * 2 ** (tries - 1), 60_000), stopping.signal)
    }
  }

  return {
    name,
    isAvailable: () => true,
    /** Starts the reconcile of a boot in the background, and returns. */
    async start(seen = null) {
      void holds.during('reconcile', reconcileAtBoot(seen))
    },
    async stop() {
      stopping.abort()
      armer.stop()
    },
    async onJobsChanged(changes: JobChange[], budgetMs: number): Promise<ArmState> {
      const states = await Promise.all(
        changes.map(({ jobId, ...wish }) => armer.ensure(jobId, { budgetMs, ...wish })),
      )
      return (
        states.find((state) => state === 'refused') ?? states.find((state) => state === 'owed') ?? 'armed'
      )
    },
    fireDue,
    reconcile: () => reconcile(),
  }
}
