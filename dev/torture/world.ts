import { createHash } from 'node:crypto'
import { createStore, type Store } from '../../db/index.ts'
import { readConfig } from '../../src/ground/config.ts'
import type { DetailedLog } from '../../src/ground/log.ts'
import type { Nas } from '../nas/index.ts'
import type { Target } from '../target/index.ts'
import type { TestDatabase } from '../../test/support/database.ts'
import { type Client, createClient } from './client.ts'
import { startEdge } from './edge.ts'
import { bootMachine, type Machine } from './machine.ts'
import { createReporter, type Reporter } from './reporter.ts'
import { createSteps, type Life, type Steps } from './steps.ts'
import { createTime } from './time.ts'
import { startLocalNas } from './timers/nas.ts'
import type { Outside, StartOutside } from './timers/outside.ts'
import type { Unpromised } from './unpromised.ts'

/** One service with everything around it: real PostgreSQL, a timer, a real target, machines that die, and one clock for all. */
export type World = {
  outside: Outside
  /** `outside`, with all that a test does to it. @throws Error: the timer of this world is another one */
  readonly nas: Nas
  store: Store
  database: TestDatabase
  target: Target
  steps: Steps
  client: Client
  /** Targets that took work. */
  reporter: Reporter
  /** By delivery: the processes that began to send it. */
  senders: Map<string, Life[]>
  now(): Date
  /** The machine that takes the next request, in turn; boots it if it is not up, and passes over frozen ones. */
  wake(): Machine
  /** A fire that comes now, whatever the timer has armed; its status. */
  fire(jobId: string, fireAt: Date): Promise<number | null>
  machines(): Machine[]
  boots(): number
  /** Moves the clock on, from one planned thing to the next, each finished before the clock goes on. */
  until(instant: string | Date): Promise<void>
  /** Everything that is under way, apart from what waits for the clock, has come to its end. */
  settled(): Promise<void>
  /** What was found wrong whenever no machine was up. */
  problems: string[]
  unpromised: Unpromised
  close(): Promise<void>
}

export type WorldOptions = {
  database: TestDatabase
  target: Target
  /** Instant at which the clock stands at first. */
  start: string
  /** Machines that requests go to in turn; default 1. */
  machines?: number
  env?: Record<string, string>
  /** By how much each machine's own clock is ahead. */
  clocksAheadMs?: number[]
  /** The timer; default: the local NAS. */
  startTimer?: StartOutside
  /** How often each fire is sent, at once; default 1. */
  copies?: number
  /** Each fire that was acknowledged comes again so much later, from no timer; default: none does. */
  replayedAfterMs?: number
  /** Where it is given: another store than the one of `database`, over a connection that fails. */
  store?: (clock: () => Date) => Store
  log?: DetailedLog
  /**
   * Real time after which a call that the timer holds back is taken for one that waits for the clock; default 5 s: none
   * does, unless the timer is told to.
   */
  patienceMs?: number
  /** True while a test holds something back until the clock has moved. */
  waits?: () => boolean
  /** Called when no machine is up. */
  onAsleep?: (world: World) => Promise<void>
}

export const encryptionKey = createHash('sha256').update('torture').digest()
const silent: DetailedLog = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

export async function createWorld(options: WorldOptions): Promise<World> {
  const {
    database,
    target,
    machines: size = 1,
    clocksAheadMs = [],
    log = silent,
    patienceMs = 5_000,
  } = options
  const time = createTime(Date.parse(options.start))
  const clock = () => new Date(time.now())
  const store = options.store?.(clock) ?? createStore(database.db, clock)
  const steps = createSteps()
  const up = new Map<number, Machine>()
  const problems: string[] = []
  const unpromised: Unpromised = new Map()
  const senders: World['senders'] = new Map()
  let turn = 0
  let boots = 0
  let tell = () => {}
  const changed = () => tell()

  const edge = await startEdge({
    wake,
    steps,
    time,
    replayedAfterMs: options.replayedAfterMs ?? null,
    onPromised: (jobId) => unpromised.get(jobId) === 'lost' && unpromised.delete(jobId),
  })
  const outside = await (options.startTimer ?? startLocalNas)({
    ...{ database, start: options.start, callbackUrl: edge.url, copies: options.copies ?? 1, changed },
  })
  const config = readConfig({
    RUN_LEASE_MS: '60000',
    DRAIN_TIMEOUT_MS: '5000',
    ...outside.environment(),
    CALLBACK_URL: edge.url,
    ENCRYPTION_KEY: encryptionKey.toString('base64'),
    ...options.env,
  })
  steps.onChange(changed)
  edge.onChange(changed)

  function wake(): Machine {
    const indices = Array.from({ length: size }, (_, n) => (turn + n) % size)
    turn += 1
    const index = indices.find((one) => !up.get(one)?.life.isFrozen()) ?? 0
    return up.get(index) ?? boot(index)
  }

  function boot(index: number): Machine {
    boots += 1
    const machine = bootMachine({
      ...{ config, store, database: database.db, steps, time, log, name: `m${index}` },
      timer: outside,
      clockAheadMs: clocksAheadMs[index] ?? 0,
      onSend: (id, life) => senders.set(id, [...(senders.get(id) ?? []), life]),
      onGone() {
        up.delete(index)
        changed()
      },
    })
    up.set(index, machine)
    if (!machine.life.isAlive()) up.delete(index)
    return machine
  }

  /** Fires that are on their way to the edge, or back from it. */
  const travelling = () => Math.max(0, outside.sending() - edge.pending())
  const isBusy = () => steps.inFlight() > 0 || travelling() !== 0 || outside.isBehind()

  async function settled() {
    for (let quiet = 0; quiet < 4; ) {
      await new Promise(setImmediate)
      quiet = isBusy() ? 0 : quiet + 1
      if (quiet === 0 && !(await somethingHappens())) return
    }
  }

  /** The timer and the target alone hold back what they were sent. Whatever else is under way is only slow, on a machine that is busy. */
  const mayWaitForClock = () =>
    options.waits?.() ||
    (steps.inFlight() <= steps.inFlight(outside.kind) + target.hanging() &&
      travelling() === 0 &&
      !outside.isBehind())

  /** False: nothing has happened for so long that whatever is under way must be waiting for the clock. */
  function somethingHappens(): Promise<boolean> {
    return new Promise((resolve) => {
      const startedAt = performance.now()
      let heldSince: number | null = null
      const end = (happens: boolean) => {
        clearInterval(timer)
        tell = () => {}
        resolve(happens)
      }
      const timer = setInterval(() => {
        const now = performance.now()
        heldSince = mayWaitForClock() ? (heldSince ?? now) : null
        if (now - (heldSince ?? now) >= patienceMs || now - startedAt >= 15_000) end(false)
      }, 5)
      tell = () => end(true)
    })
  }

  async function until(instant: string | Date) {
    const endMs = new Date(instant).getTime()
    await settled()
    for (let moves = 0; ; moves++) {
      if (moves > 20_000) throw new Error(`the clock was moved ${moves} times before ${String(instant)}`)
      if (up.size === 0) await options.onAsleep?.(world)
      const next = Math.min(time.next(), await outside.nextMs(), endMs)
      time.moveTo(next)
      outside.jump(new Date(next))
      await settled()
      if (next >= endMs) return
    }
  }

  const world: World = {
    ...{ outside, store, database, target, steps, wake, until, settled, problems, unpromised, senders },
    reporter: createReporter({ wake, steps, time, unpromised }),
    client: createClient({
      wake,
      steps,
      settled,
      passTime: (ms) => until(new Date(time.now() + ms)),
      unpromised,
    }),
    get nas() {
      if (!outside.nas) throw new Error(`the timer of this world is ${outside.title}`)
      return outside.nas
    },
    now: clock,
    async fire(jobId, fireAt) {
      const body = JSON.stringify({ job_id: jobId, fire_at: fireAt.toISOString() })
      const answer = fetch(`${edge.url}/api/cron/fire`, { method: 'POST', body }).then(
        ({ status }) => status,
        () => null,
      )
      let isOver = false
      void answer.then(() => {
        isOver = true
      })
      while (!isOver) {
        // not among the fires of the timer: what it does shows in the steps, and an answer takes a turn or two
        await new Promise((resolve) => setTimeout(resolve, 5))
        await settled()
        if (!isOver && steps.inFlight() === 0) await until(new Date(time.now() + 100))
      }
      return answer
    },
    machines: () => [...up.values()],
    boots: () => boots,
    async close() {
      for (const machine of up.values()) machine.life.die()
      await outside.close()
      await edge.close()
    },
  }
  return world
}

/** Forgets every job and everything that was learnt, so that the next world begins with an empty database. */
export async function emptyDatabase({ sql }: TestDatabase): Promise<void> {
  await sql`update projects set paused_at = null, paused_by = null, paused_reason = null, resumed_at = null,
    runs_per_minute = null, places = null, minute = null, minute_runs = 0`
  await sql`with a as (delete from jobs), r as (delete from runs), m as (delete from arms), b as (delete from orphans), c as (delete from facts), d as (delete from channels), e as (delete from folded_slots), f as (delete from job_days), g as (delete from job_history), h as (delete from busy_days) delete from idempotency_keys`
}
