import type { Store } from '../../db/index.ts'
import type { Holds } from '../ground/holds.ts'
import type { Delays } from '../ground/delays.ts'
import type { CronScheduler } from './scheduler.ts'

/** When the ticker last showed life, and when it last got through a tick without an error. */
export type Heartbeat = { alive_at: string; clean_tick_at: string | null; last_error: string | null }
export const heartbeatFact = 'builtin_heartbeat'

type BuiltinNeeds = {
  store: Store
  holds: Holds
  delays: Delays
  /** Attends to one job, wherever it is due. */
  fireDue: (jobId: string) => Promise<void>
  log: { error(fields: object, message: string): void }
}

/** Always there: it needs nothing but this process. */
export const aboutBuiltin = { name: 'builtin', isAvailable: () => true }

/** A sleep is never longer, so that a job changed by another process, or a stepped clock, is noticed. */
const longestSleepMs = 60_000
/** At least this long between two ticks: a job that stays due, for whatever reason, costs no busy loop. */
const leastSleepMs = 10
const retryMs = 1_000
const jobsPerTick = 100

/**
 * The process itself is the timer: it sleeps until the earliest wake time of all jobs and attends to those that are
 * due. It holds the process up while any job has a wake time: this process is its only timer. A job that fails, or anything that throws, costs one clean tick and
 * never the ticker.
 */
export function createBuiltinScheduler({
  store,
  holds,
  delays,
  fireDue,
  log,
}: BuiltinNeeds): CronScheduler & { heartbeat(): Heartbeat } {
  const heartbeat: Heartbeat = { alive_at: new Date().toISOString(), clean_tick_at: null, last_error: null }
  let timer: (() => void) | undefined
  let ticking: Promise<void> | undefined
  let isAskedAgain = false
  let isStarted = false
  let release: (() => void) | undefined

  /** Something may have changed: until a look at Postgres says that no job needs it, this process stays up. */
  function wake() {
    if (!isStarted) return
    release ??= holds.take('ticker')
    look()
  }

  /** Prolongs nothing: a process without jobs looks once a minute for those that another process made. */
  function look() {
    if (!isStarted) return
    isAskedAgain = true
    if (ticking) return
    timer?.()
    ticking = tickAll()
  }

  async function tickAll() {
    let sleepMs = retryMs
    try {
      while (isStarted && isAskedAgain) {
        isAskedAgain = false
        sleepMs = await tick()
      }
    } catch {
      // not even the log could be written; due work is still due in a second
      sleepMs = retryMs
    } finally {
      // in the same turn as the last look at `isAskedAgain`, so that no call of `wake` falls in between
      ticking = undefined
      if (isStarted) timer = delays.after(sleepMs, look)
    }
  }

  /** Returns how long to sleep: milliseconds until the earliest wake time. */
  async function tick(): Promise<number> {
    try {
      const failed = await attendDue()
      const { wakeAt, now } = await store.earliestWake()
      await beat(failed)
      if (failed) return retryMs
      if (wakeAt) release ??= holds.take('ticker')
      else if (!isAskedAgain) letGo()
      const untilMs = wakeAt ? wakeAt.getTime() - now.getTime() : longestSleepMs
      return Math.max(leastSleepMs, Math.min(untilMs, longestSleepMs))
    } catch (error) {
      log.error({ err: error }, 'a tick of the built-in scheduler failed')
      heartbeat.alive_at = new Date().toISOString()
      heartbeat.last_error = nameOf(error)
      return retryMs
    }
  }

  /** Attends to the jobs that are due now; returns the first error, null if all went well. */
  async function attendDue(): Promise<unknown> {
    let failure: unknown = null
    for (const jobId of await store.overdueJobs({ lateMs: 0, limit: jobsPerTick })) {
      await fireDue(jobId).catch((error: unknown) => {
        failure ??= error
        log.error({ err: error, job: jobId }, 'a job could not be handled')
      })
    }
    return failure
  }

  async function beat(failure: unknown) {
    heartbeat.alive_at = new Date().toISOString()
    heartbeat.last_error = failure ? nameOf(failure) : null
    if (!failure) heartbeat.clean_tick_at = heartbeat.alive_at
    await store.writeFact(heartbeatFact, heartbeat)
  }

  function letGo() {
    release?.()
    release = undefined
  }

  return {
    ...aboutBuiltin,
    async start() {
      isStarted = true
      wake()
    },
    async stop() {
      isStarted = false
      letGo()
      timer?.()
      await ticking
    },
    async onJobsChanged() {
      wake()
      return 'armed'
    },
    async fireDue(jobId) {
      await fireDue(jobId)
    },
    heartbeat: () => heartbeat,
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'unknown'
}
