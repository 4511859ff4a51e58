import type { ArmLease, ArmOrder, BootLook, Store } from '../../db/index.ts'
import { isWakeLost, type Registry } from '../decisions/index.ts'
import type { Chance } from '../ground/chance.ts'
import type { Config } from '../ground/config.ts'
import type { Holds } from '../ground/holds.ts'
import type { Log } from '../ground/log.ts'
import type { Delays } from '../ground/delays.ts'
import type { Rest } from '../run/rest.ts'
import type { TimerClient, TimerFailure } from '../timers/index.ts'
import { armLease } from './arm-lease.ts'
import { createArmer, type Armer, type ArmState, type EnsureOptions } from './arm.ts'
import { aboutBuiltin } from './builtin.ts'
import { createConfirm, type Confirm } from './confirm.ts'
import { providers } from './providers.ts'
import { resolveCronScheduler } from './resolve.ts'

/** Making wake-ups sure, whatever triggers: the timer, which has to be asked, or this process, which only has to look. */
export type Arming = Pick<Confirm, 'begun' | 'unanswered' | 'answered' | 'looked'> & {
  /** An arm is likely to follow: if the timer is called for it, a connection to it is opened meanwhile. */
  expected(): void
  /** The wake time of a job may have moved: makes it sure, or says after `budgetMs` that it is not. */
  arm(jobId: string, options: EnsureOptions): Promise<ArmState>
  /** As `arm`, for a change that a client made: it may have made another job the farthest one. */
  armChanged(jobId: string, options: EnsureOptions): Promise<ArmState>
  /** Null if nothing is armed with a timer: then a claim takes no arm lease with it. */
  armLease(): ArmLease | null
  /** For the write that ends the work of a job: the arm lease of the arm that waits for its rest; null: none does. */
  armLeaseAtRest(jobId: string): ArmLease | null
  /** Carries out the order that such a write took. */
  renew(order: ArmOrder): void
  /** Tells the timer to forget a job that Postgres no longer knows. */
  cancelOrphan(jobId: string): Promise<void>
  /** Whether an outside timer has confirmed the wake-up that the job needs, and has not lost it. */
  isArmed(registry: Registry, now: Date): boolean
  /** The name of the scheduler that triggers. */
  scheduler(): string
  isNasUsed(): boolean
  /** Why the timer is not called any more: it refuses this identity, or there is no login to call it with; null: it is. */
  refusal(): TimerFailure | null
  refuse(failure: TimerFailure): void
  /** Null if no timer is configured. */
  armer: Armer | null
  /** The answers to fires are looked after from now on. `seen`: what this process saw in Postgres; null: it has not looked. */
  start(seen: Pick<BootLook, 'manners'> | null): void
  /** `listener` is called when wake times may have moved that no call of the timer stands for. */
  onMoved(listener: () => void): void
}

type ArmingNeeds = {
  config: Config
  store: Store
  holds: Holds
  rest: Rest
  delays: Delays
  chance?: Chance | undefined
  owner: string
  /** Null if none is configured. */
  timer: TimerClient | null
  log: Log
}

export function createArming(needs: ArmingNeeds): Arming {
  const { config, store, holds, rest, delays, chance, owner, timer, log } = needs
  const others = Object.entries(providers).map(([name, { missing }]) => ({
    name,
    isAvailable: () => timer?.name === name && missing(config).length === 0,
    missing: () => missing(config),
  }))
  const { name: resolved } = resolveCronScheduler(config.provider, { builtin: aboutBuiltin, others }, log)
  let scheduler = resolved
  let refusal: TimerFailure | null = null
  const listeners: (() => void)[] = []
  // the scheduler that arms is not available without it
  const callbackUrl = config.callbackUrl ?? ''
  const usual = { store, holds, delays, log }
  const armer = timer && createArmer({ ...usual, timer, rest, chance, owner, callbackUrl, onRefused: refuse })
  // where each wake-up stands for itself, the answer to a fire takes no other one away
  const confirm = timer?.limits.isOnePerJob && armer ? createConfirm({ ...usual, timer, armer }) : null
  const isNasUsed = () => scheduler !== aboutBuiltin.name

  function refuse(failure: TimerFailure) {
    refusal ??= failure
    if (!isNasUsed()) return
    log.warn(
      { code: failure.code },
      `${timer?.title ?? 'The timer'} permanently refuses this identity; switched to the built-in scheduler`,
    )
    scheduler = aboutBuiltin.name
    moved()
  }

  function moved() {
    for (const listener of listeners) listener()
  }

  async function arm(jobId: string, options: EnsureOptions): Promise<ArmState> {
    if (armer && isNasUsed()) return armer.ensure(jobId, options)
    moved()
    return 'armed'
  }

  return {
    expected() {
      if (isNasUsed()) timer?.open?.()
    },
    arm,
    async armChanged(jobId, options) {
      const state = await arm(jobId, options)
      if (config.sentinel && isNasUsed()) moved()
      return state
    },
    armLease: () => (isNasUsed() ? armLease(owner) : null),
    armLeaseAtRest: (jobId) => (isNasUsed() ? (armer?.leaseAtRest(jobId) ?? null) : null),
    renew: (order) => armer?.renew(order),
    async cancelOrphan(jobId) {
      await armer?.cancelOrphan(jobId)
    },
    isArmed(registry, now) {
      const { wakeAt, armedGen, wakeGen } = registry
      return isNasUsed() && wakeAt !== null && armedGen === wakeGen && !isWakeLost(registry, now)
    },
    scheduler: () => scheduler,
    isNasUsed,
    refusal: () => refusal,
    refuse,
    armer,
    start: (seen) => confirm?.start(seen),
    onMoved: (listener) => void listeners.push(listener),
    begun: (jobId) => confirm?.begun(jobId),
    unanswered: (jobId) => confirm?.unanswered(jobId),
    answered(jobId) {
      if (isNasUsed()) confirm?.answered(jobId)
      else confirm?.unanswered(jobId)
    },
    looked: (jobId) => confirm?.looked(jobId) ?? Promise.resolve(),
  }
}
