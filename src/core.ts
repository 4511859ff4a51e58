import type { Store } from '../db/index.ts'
import type { Actions } from './actions/index.ts'
import type { ArmState } from './arming/arm.ts'
import { type Arming, createArming } from './arming/arming.ts'
import { createSchedulers, type Schedulers } from './arming/schedulers.ts'
import { createDeliveries, type Deliveries } from './delivery/deliveries.ts'
import type { SendMessage } from './delivery/send.ts'
import { createStartPing } from './delivery/start-ping.ts'
import type { Chance } from './ground/chance.ts'
import type { Config } from './ground/config.ts'
import { programsAtOnce } from './ground/config-commands.ts'
import { placesOf } from './ground/config-places.ts'
import type { Holds } from './ground/holds.ts'
import type { DetailedLog } from './ground/log.ts'
import { type Delays, within } from './ground/delays.ts'
import type { CheckReferences } from './jobs/input.ts'
import { createJobs, type Jobs } from './jobs/jobs.ts'
import { countedClaims, tracedSettle } from './process/counted.ts'
import { createAdmission } from './run/admission.ts'
import { type Callbacks, createCallbacks } from './run/callback.ts'
import { createFire, type FireCall } from './run/fire.ts'
import { createFireLimits, queueMax } from './run/fire-limits.ts'
import type { Signs } from './process/signs.ts'
import type { HeldRun, Leases } from './run/leases.ts'
import { bootMs } from './run/near.ts'
import { createQueue, type Queue, type RunCounts } from './run/queue.ts'
import { createRest } from './run/rest.ts'
import { createRunner } from './run/runner.ts'
import { createSettle } from './run/settle.ts'
import { createTally, noTracer, type Tally, type Tracer } from './telemetry/index.ts'
import type { TimerClient } from './timers/index.ts'

/** Everything outside that the stories touch: the caller provides them. */
export type CoreNeeds = {
  config: Config
  store: Store
  /** What wakes us from outside; null: none is configured. */
  timer: TimerClient | null
  actions: Actions
  /** Tells receivers; jobs that start other jobs are not told by it. */
  send: SendMessage
  /** Whether all that a job refers to exists. */
  checkReferences: CheckReferences
  leases: Leases
  holds: Holds
  delays: Delays
  /** Default: the real one. */
  chance?: Chance
  /** Machine id : an id made at boot. No two processes have the same. */
  owner: string
  log: DetailedLog
  /** Default: one that is not read. */
  tally?: Tally
  /** Default: nothing is traced. */
  tracer?: Tracer
  /** Aborted by `drain`. */
  leaving: AbortController
  /** Told after each settled attempt; nothing waits for it. */
  settled?: (jobId: string) => void
  /** Told what says how the service does. */
  signs?: Pick<Signs, 'decided' | 'began' | 'lost'>
}

/** The service, without HTTP and without a process around it. */
export type Core = {
  fire: FireCall
  jobs: Jobs
  deliveries: Deliveries
  /** Attends to one job, wherever it is due, and arms it again; whether the timer has confirmed that. */
  attend: (jobId: string) => Promise<ArmState>
  callbacks: Callbacks
  arming: Arming
  schedulers: Schedulers
  runs: RunCounts
  longestWait: Queue['longestWait']
  isDraining(): boolean
  /** No new claims; running attempts are ended and written down, waiting ones given back, wake-ups armed. */
  drain(): Promise<void>
}

/** How long the caller of a resume waits for one job. */
const attendBudgetMs = 10_000

/** The stories, wired by hand, in the order in which they need each other. */
export function createCore(needs: CoreNeeds): Core {
  const { config, store, timer, actions, send, checkReferences, leases, leaving } = needs
  const { holds, delays, chance, owner, log } = needs
  const counting = { tally: needs.tally ?? createTally(), tracer: needs.tracer ?? noTracer, delays }
  const { callbackUrl, timezone } = config
  const maxConcurrent = placesOf(config)
  const isDraining = () => leaving.signal.aborted
  const rest = createRest()
  const maxPrograms = config.commands ? programsAtOnce(config) : null
  const queue = createQueue({ store, owner, maxConcurrent, maxPrograms, delays, log })
  const runs: RunCounts = () => {
    const { running, waiting } = queue.counts()
    // a place may be reserved before its run is here
    return { running, queued: Math.max(0, leases.count() - running), waiting }
  }
  const arming = createArming({ config, store, holds, rest, delays, chance, owner, timer, log })
  const admission = countedClaims(
    createAdmission({
      ...{ store, leases, queue, owner, delays, log, chance },
      ...{ leaseMs: config.runLeaseMs, armLease: arming.armLease, decided: needs.signs?.decided },
    }),
    counting,
  )
  const { enact } = admission
  const startPing = createStartPing({ send, holds, delays, log, callbackUrl })
  const onBegin = (run: HeldRun) => {
    needs.signs?.began(run)
    return startPing(run)
  }
  const story = createFire({
    ...{ store, admission, arming, leases, send, callbackUrl, rest, holds, delays, log, isDraining },
    runner: createRunner({ store, actions, queue, owner, delays, log, onBegin }),
    settle: tracedSettle(createSettle({ store, enact, arming, delays, log }), counting),
    limits: createFireLimits({
      ...{ delays, chance, queueMax: queueMax(maxConcurrent) },
      queued: () => runs().queued,
      tooLongWaitFor: queue.tooLongWaitFor,
    }),
    settled: (jobId) => needs.settled?.(jobId),
    // a wait that costs more than to leave and to boot again is left to NAS, with no process alive in between
    nearMs: config.idleExitMs > 0 ? config.idleExitMs + bootMs : 60_000,
  })
  const { changes } = story
  const fireDue: typeof story.fireDue = (jobId, trigger) =>
    counting.tracer.during({ name: 'due', kind: 'internal', attributes: { 'chronos.job.id': jobId } }, () =>
      story.fireDue(jobId, trigger),
    )
  const schedulers = createSchedulers({
    ...{ config, store, holds, delays, timer, arming, fireDue, log },
    lost: needs.signs?.lost,
  })
  const jobs = createJobs({
    ...{ store, changes, checkReferences, leases, owner, timezone, isDraining, chance },
    cancelOrphan: (jobId) => within(delays, 2_000, arming.cancelOrphan(jobId), undefined),
  })

  function answered(jobId: string) {
    arming.answered(jobId)
    schedulers.sweepSoon()
  }

  async function drain() {
    leaving.abort()
    const endsAt = delays.now() + config.drainTimeoutMs
    story.drain()
    while (holds.count('run', 'delivery', 'arm', 'login') > 0 && delays.now() < endsAt) {
      await within(delays, endsAt - delays.now(), holds.released(), undefined)
    }
    await schedulers.stop()
  }

  return {
    fire: { fire: story.fire, expected: arming.expected, refused() {}, answered },
    ...{ jobs, arming, schedulers, runs, isDraining, drain, longestWait: queue.longestWait },
    deliveries: createDeliveries({ store, changes }),
    attend(jobId) {
      const armed = fireDue(jobId, 'catch_up').then(() =>
        arming.armChanged(jobId, { budgetMs: attendBudgetMs }),
      )
      return within(delays, attendBudgetMs, armed, 'owed')
    },
    callbacks: createCallbacks({ changes }),
  }
}
