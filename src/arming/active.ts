import { createArmer, type Armer, armLease, type ArmState } from './arm.ts'
import type { Chance } from '../ground/chance.ts'
import type { Config } from '../ground/config.ts'
import { createConfirm } from './confirm.ts'
import type { Store } from '../../db/index.ts'
import { isWakeLost, type Registry, type Trigger as DecisionTrigger } from '../decisions/index.ts'
import type { Holds } from '../ground/holds.ts'
import type { Log } from '../ground/log.ts'
import type { NasClient, NasFailure } from '../timers/nas/index.ts'
import { createReconcile } from './reconcile.ts'
import type { Rest } from '../run/rest.ts'
import {
  createBuiltinScheduler,
  createChronosScheduler,
  type CronScheduler,
  type JobChange,
  resolveCronScheduler,
  withDefaults,
} from './index.ts'
import { createSentinel } from './sentinel.ts'
import { createSweep } from './sweep.ts'
import type { Timers } from '../ground/timers.ts'

type Parts = {
  config: Config
  store: Store
  holds: Holds
  rest: Rest
  timers: Timers
  chance?: Chance | undefined
  owner: string
  /** Null where NAS is not configured. */
  nas: NasClient | null
  fireDue: (jobId: string, trigger?: DecisionTrigger) => Promise<void>
  log: Log
}

/** Who triggers: the scheduler that was resolved, or the built-in one since NAS refused this identity for good. */
export type Trigger = ReturnType<typeof createTrigger>

export function createTrigger(parts: Parts) {
  const { config, store, holds, rest, timers, chance, owner, nas, fireDue, log } = parts
  // the scheduler that arms is not available without it
  const callbackUrl = config.callbackUrl ?? ''
  const builtin = createBuiltinScheduler({ store, holds, timers, fireDue, log })
  const armer = nas && createNasArmer(nas)
  const confirm = nas && armer ? createConfirm({ store, nas, armer: () => armer, holds, timers, log }) : null
  const isNasUsed = () => active.name !== builtin.name
  const sentinel = config.sentinel && armer ? createSentinel({ store, armer: () => armer }) : null
  const sweep = createSweep({
    ...{ store, fireDue, timers, log },
    andThen: async () => sentinel?.(),
    isWanted: () => isStarted && isNasUsed(),
  })
  const others: CronScheduler[] = []
  if (nas && armer) {
    const reconcile = createReconcile({
      ...{ store, nas, callbackUrl, log, attendOverdue: sweep.run },
      armer: () => armer,
      onRefused: fallBack,
    })
    others.push(
      createChronosScheduler({ config, armer: () => armer, reconcile, fireDue, holds, timers, log }),
    )
  }
  const resolved = resolveCronScheduler(config.provider, { builtin, others }, log)
  let active = withDefaults(resolved)
  let isStarted = false
  let refusal: NasFailure | null = null

  function createNasArmer(client: NasClient): Armer {
    const { maxHorizonMs } = config.nas
    return createArmer({
      ...{ store, nas: client, holds, rest, timers, chance, owner, maxHorizonMs, callbackUrl, log },
      onRefused: fallBack,
    })
  }

  function fallBack(failure: NasFailure) {
    refusal ??= failure
    if (active.name === builtin.name) return
    log.warn(
      { code: failure.code },
      'NAS refuses this identity for good; the built-in scheduler is used from now on',
    )
    active = withDefaults(builtin)
    if (isStarted) void builtin.start()
  }

  const ensureArmed = (change: JobChange, budgetMs: number): Promise<ArmState> =>
    active.onJobsChanged([change], budgetMs)

  /** Not before the scheduler has started: a boot looks at all jobs anyway. */
  function sweepSoon() {
    if (isStarted && isNasUsed()) void holds.during('reconcile', sweep.soon())
  }

  return {
    active: () => active.name,
    isNasUsed,
    /** Why NAS is not called any more: it refuses this identity, or there is no login to call it with; null: it is. */
    refusal: () => refusal,
    /** Null where nothing is armed with NAS: then a claim takes no arm lease with it. */
    armLease: () => (active.name === builtin.name ? null : armLease(owner)),
    armer: () => armer,
    /** Begins to trigger. To be called once the process listens. */
    async start() {
      isStarted = true
      await active.start()
      if (sentinel) sweepSoon()
    },
    async stop() {
      isStarted = false
      await Promise.all([resolved.stop(), builtin.stop()])
    },
    ensureArmed,
    /** As `ensureArmed`, where no fire was answered: the change may have made another job the farthest one. */
    async ensureChanged(change: JobChange, budgetMs: number): Promise<ArmState> {
      const state = await ensureArmed(change, budgetMs)
      if (sentinel) sweepSoon()
      return state
    },
    reconcile: () => holds.during('reconcile', active.reconcile()),
    /** What was seen of a fire of this job, from its coming in to its 2xx; see `Confirm`. */
    begun: (jobId: string) => confirm?.begun(jobId),
    unanswered: (jobId: string) => confirm?.unanswered(jobId),
    answered(jobId: string) {
      if (isNasUsed()) confirm?.answered(jobId)
      else confirm?.unanswered(jobId)
      sweepSoon()
    },
    /** Resolves when an arm of this job may be replaced without hiding what NAS did with the one before. */
    looked: (jobId: string): Promise<void> => confirm?.looked(jobId) ?? Promise.resolve(),
    async cancelOrphan(jobId: string) {
      await armer?.cancelOrphan(jobId)
    },
    /** Whether the wake-up that the job needs is sure, and was not lost. */
    isArmed(registry: Registry, now: Date) {
      const { wakeAt, armedGen, wakeGen } = registry
      const isConfirmed = !isNasUsed() || armedGen === wakeGen
      return wakeAt !== null && isConfirmed && !isWakeLost(registry, { now, isNasUsed: isNasUsed() })
    },
  }
}
