import type { Store } from '../../db/index.ts'
import type { Trigger } from '../decisions/index.ts'
import type { Config } from '../ground/config.ts'
import type { Holds } from '../ground/holds.ts'
import type { Log } from '../ground/log.ts'
import type { Delays } from '../ground/delays.ts'
import type { TimerClient } from '../timers/index.ts'
import type { Arming } from './arming.ts'
import { createBuiltinScheduler } from './builtin.ts'
import { createChronosScheduler } from './chronos.ts'
import { type BootSeen, listAhead, type Listing } from './listing.ts'
import { createReconcile } from './reconcile.ts'
import { type CronScheduler, type ReconcileCounts, withDefaults } from './scheduler.ts'
import { createSentinel } from './sentinel.ts'
import { createSweep } from './sweep.ts'

/** What calls when a job is due: the scheduler that was resolved, or the built-in one since the timer refused this identity. */
export type Schedulers = {
  /** For the look of the boot: asks the timer for its list. Null: it is not asked yet. */
  listAhead(): Listing | null
  /**
   * Begins to trigger. To be called once the process listens. `seen`: what it saw a moment ago; null: it has not looked.
   */
  start(seen?: BootSeen | null): Promise<void>
  stop(): Promise<void>
  reconcile(): Promise<ReconcileCounts>
  /** A fire was answered: looks for jobs whose own wake-up was lost. */
  sweepSoon(): void
}

type SchedulersNeeds = {
  config: Config
  store: Store
  holds: Holds
  delays: Delays
  /** Null if none is configured. */
  timer: TimerClient | null
  arming: Arming
  /** Attends to one job, whatever is due of it. */
  fireDue: (jobId: string, trigger?: Trigger) => Promise<void>
  /** Told of jobs that the timer did not call for. */
  lost?: ((jobs: number) => void) | undefined
  log: Log
}

export function createSchedulers(needs: SchedulersNeeds): Schedulers {
  const { config, store, holds, delays, timer, arming, fireDue, lost, log } = needs
  const { armer, isNasUsed } = arming
  const builtin = createBuiltinScheduler({ store, holds, delays, fireDue, log })
  // a timer without a horizon reads the wake times themselves: it takes no instant before them
  const isSentinelWanted = config.sentinel && Number.isFinite(timer?.limits.horizonMs)
  const sentinel = isSentinelWanted && armer ? createSentinel({ store, armer }) : null
  const sweep = createSweep({
    ...{ store, fireDue, lost, delays, log },
    andThen: async () => sentinel?.(),
    isWanted: () => isStarted && isNasUsed(),
  })
  const chronos: CronScheduler | null =
    timer &&
    armer &&
    createChronosScheduler({
      ...{ name: timer.name, armer, fireDue, holds, delays, log },
      reconcile: createReconcile({
        ...{ store, timer, armer, callbackUrl: config.callbackUrl ?? '', log },
        ...{ attendOverdue: sweep.run, onRefused: arming.refuse },
      }),
    })
  const resolved = chronos && isNasUsed() ? chronos : builtin
  const active = () => withDefaults(isNasUsed() ? resolved : builtin)
  let isStarted = false

  /** Not before the scheduler has started: a boot looks at all jobs anyway. */
  function sweepSoon() {
    if (isStarted && isNasUsed()) void holds.during('reconcile', sweep.soon())
  }

  arming.onMoved(() => {
    if (!isStarted) return
    if (isNasUsed()) sweepSoon()
    else void builtin.start()
  })

  return {
    listAhead: () => (timer && isNasUsed() ? listAhead({ store, timer }) : null),
    async start(seen = null) {
      isStarted = true
      arming.start(seen)
      await active().start(seen)
      if (sentinel) sweepSoon()
    },
    async stop() {
      isStarted = false
      await Promise.all([resolved.stop(), builtin.stop()])
    },
    reconcile: () => holds.during('reconcile', active().reconcile()),
    sweepSoon,
  }
}
