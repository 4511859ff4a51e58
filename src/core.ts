import type { Store } from '../db/index.ts'
import type { Actions } from './actions/index.ts'
import { createAdmission } from './run/admission.ts'
import type { Chance } from './ground/chance.ts'
import { type Callbacks, createCallbacks } from './run/callback.ts'
import type { Config } from './ground/config.ts'
import { createCourier } from './delivery/courier.ts'
import { createOutbox, type Outbox, type SendMessage } from './delivery/outbox.ts'
import { createFire, type Fire, queueMax } from './run/fire.ts'
import { createFollowUp } from './run/follow-up.ts'
import type { Holds } from './ground/holds.ts'
import { type CheckReferences, createJobs, type Jobs } from './jobs/jobs.ts'
import type { Log } from './ground/log.ts'
import type { NasClient } from './timers/nas/index.ts'
import { createRest } from './run/rest.ts'
import { createRunner, type Runner } from './run/runner.ts'
import { createSettle } from './run/settle.ts'
import { createStartPing } from './delivery/start-ping.ts'
import { createTransit } from './run/change.ts'
import { type Timers, within } from './ground/timers.ts'
import { createTrigger, type Trigger } from './arming/active.ts'

/** Everything outside that the stories touch: whoever hands these over decides what they are. */
export type CoreParts = {
  config: Config
  store: Store
  /** Null where NAS is not configured. */
  nas: NasClient | null
  actions: Actions
  /** Tells whoever a delivery is for; jobs that start other jobs are not sent by it. */
  send: SendMessage
  /** Whether all that a job refers to exists. */
  checkReferences: CheckReferences
  holds: Holds
  timers: Timers
  /** Default: the real one. */
  chance?: Chance
  /** Machine id : an id made at boot. No two processes have the same. */
  owner: string
  log: Log
  /** Told after each settled attempt; nobody waits for what comes of it. */
  settled?: (jobId: string) => void
}

/** What the service does, without HTTP and without a process around it. */
export type Core = {
  fire: Fire
  jobs: Jobs
  outbox: Outbox
  callbacks: Callbacks
  trigger: Trigger
  runner: Runner
  isDraining(): boolean
  /** No new claims; running attempts are ended and written down, waiting ones given back, wake-ups armed. */
  drain(): Promise<void>
}

/** The stories, wired by hand. */
export function createCore(parts: CoreParts): Core {
  const { config, store, nas, actions, holds, timers, chance, owner, log } = parts
  const rest = createRest()
  let draining = false
  const isDraining = () => draining
  const { attend, admit } = createAdmission({
    ...{ store, owner, timers, chance, log, leaseMs: config.runLeaseMs },
    runner: () => runner,
    courier: () => courier,
    armLease: () => trigger.armLease(),
  })
  const followUp = createFollowUp({
    attend,
    holds,
    timers,
    log,
    isDraining,
    ensureArmed: (change, ms) => trigger.ensureArmed(change, ms),
    looked: (jobId) => trigger.looked(jobId),
    // waiting for longer than the process would stay idle anyway is left to NAS, with no process alive in between
    nearMs: config.idleExitMs > 0 ? config.idleExitMs : 60_000,
  })
  const trigger = createTrigger({
    ...{ config, store, holds, rest, timers, chance, owner, nas, log },
    fireDue: followUp.fireDue,
  })
  const { settle, giveBack } = createSettle({
    ...{ store, admit, timers, log },
    onSettled(jobId, settled) {
      followUp.settled(jobId, settled)
      parts.settled?.(jobId)
    },
  })
  const runner: Runner = createRunner({
    ...{ store, actions, holds, rest, timers, owner, log, settle, giveBack },
    maxConcurrent: config.maxConcurrentRuns,
    onBegin: createStartPing({ send: parts.send, holds, timers, log, callbackUrl: config.callbackUrl }),
  })
  const { ensureArmed } = trigger
  const fire = createFire({
    ...{ attend, ensureArmed, timers, chance },
    queued: () => runner.counts().queued,
    queueMax: queueMax(config.maxConcurrentRuns),
    isDraining,
    cancelOrphan: (jobId) => void trigger.cancelOrphan(jobId),
    confirm: trigger,
  })
  const { transit, makeSure, lookAt } = createTransit({
    ...{ store, admit },
    ensureArmed: trigger.ensureChanged,
  })
  const jobs = createJobs({
    ...{ store, transit, makeSure, lookAt, owner, chance, isDraining, timezone: config.timezone },
    checkReferences: parts.checkReferences,
    runner: () => runner,
    cancelOrphan: (jobId) => within(timers, 2_000, trigger.cancelOrphan(jobId), undefined),
  })

  const { callbackUrl } = config
  const outbox = createOutbox({ store, transit, send: parts.send, startAfter: jobs.startAfter, callbackUrl })
  const courier = createCourier({
    ...{ store, admit, holds, rest, timers, log, send: outbox.send },
    onSettled: followUp.settled,
  })
  const callbacks = createCallbacks({
    ...{ transit, callbackUrl },
    keys: config.encryptionKey ? [config.encryptionKey, ...config.encryptionKeysOld] : [],
  })

  async function drain() {
    draining = true
    followUp.stop()
    const endsAt = timers.now() + config.drainTimeoutMs
    await runner.drain()
    courier.drain()
    while (holds.count('run', 'delivery', 'arm', 'login') > 0 && timers.now() < endsAt) {
      await within(timers, endsAt - timers.now(), holds.released(), undefined)
    }
    await trigger.stop()
  }

  return { fire, jobs, outbox, callbacks, trigger, runner, isDraining, drain }
}
