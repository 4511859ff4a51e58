import type { Arm, FireOutcome, Settled } from '../core/index.ts'
import type { DueArm, SqliteStore, Try } from './store.ts'

type TickerNeeds = {
  store: SqliteStore
  send: (tried: Try) => Promise<FireOutcome>
  now: () => number
  told: (event: Fired) => void
  failed: (error: unknown) => void
}

/** The outcome of a try, for the log. */
export type Fired = {
  arm: Arm
  outcome: FireOutcome | null
  verdict: Settled['verdict']
  tookMs: number
  latenessMs: number
}

/** Tries on their way at once: in all, and of one agent, so that a service that hangs does not delay the others. */
const atOnce = 64
const atOncePerAgent = 16
/** A machine that slept, or whose clock was set, is late by no more than this. */
const longestWaitMs = 600_000
/** After a failure of the database. */
const pauseMs = 1_000

/** Sends due fires, at their instants. It waits for the nearest instant and looks at nothing in between. */
export function createTicker({ store, send, now, told, failed }: TickerNeeds) {
  const flying = new Map<string, string>()
  let timer: { atMs: number; handle: NodeJS.Timeout } | null = null
  let isLooking = false
  let isStopped = false
  let emptied = () => {}

  const countOf = (agentId: string) => [...flying.values()].filter((id) => id === agentId).length
  const isFree = ({ scheduleId, agentId }: DueArm) =>
    !flying.has(scheduleId) && countOf(agentId) < atOncePerAgent
  const skipped = () => [...new Set(flying.values())].filter((id) => countOf(id) >= atOncePerAgent)

  async function look(): Promise<void> {
    if (isLooking || isStopped || flying.size >= atOnce) return
    isLooking = true
    clear()
    const taken: Arm[] = []
    try {
      const { tries, givenUp } = await store.begin({
        nowMs: now(),
        most: atOnce - flying.size,
        skipped: skipped(),
        isFree,
        taken(arm) {
          flying.set(arm.scheduleId, arm.agentId)
          taken.push(arm)
        },
      })
      for (const one of tries) void fly(one)
      for (const arm of givenUp)
        told({ arm, outcome: null, verdict: 'given_up', tookMs: 0, latenessMs: now() - arm.fireAtMs })
      isLooking = false
      plan()
    } catch (error) {
      for (const { scheduleId } of taken) flying.delete(scheduleId)
      isLooking = false
      failed(error)
      wait(now() + pauseMs)
    }
  }

  async function fly(tried: Try): Promise<void> {
    const { arm } = tried
    const startedMs = now()
    const outcome = await send(tried)
    const tookMs = now() - startedMs
    try {
      // Not stored, it is sent again after the gap that was stored before.
      const { verdict } = await store.settle(arm, outcome, now())
      told({ arm, outcome, verdict, tookMs, latenessMs: startedMs - arm.fireAtMs })
    } catch (error) {
      failed(error)
    }
    flying.delete(arm.scheduleId)
    if (flying.size === 0) emptied()
    void look()
  }

  /** Waits for the next instant, if there is room for the fires of that instant. */
  function plan(): void {
    clear()
    if (isStopped || flying.size >= atOnce) return
    const dueMs = store.nextDueMs(isFree, skipped())
    if (dueMs !== null) wait(dueMs)
  }

  function wait(atMs: number): void {
    clear()
    const leftMs = Math.min(Math.max(atMs - now(), 0), longestWaitMs)
    timer = { atMs, handle: setTimeout(() => void look(), leftMs) }
  }

  function clear(): void {
    if (timer) clearTimeout(timer.handle)
    timer = null
  }

  return {
    start: () => void look(),
    /** An arm was stored whose try is due then. */
    armed(dueMs: number): void {
      if (isLooking || isStopped || (timer && timer.atMs <= dueMs)) return
      if (flying.size < atOnce) wait(dueMs)
    },
    /** Begins nothing more; resolves when nothing is on its way, at most `patienceMs` later. */
    async stop(patienceMs: number): Promise<void> {
      isStopped = true
      clear()
      if (flying.size === 0) return
      await new Promise<void>((resolve) => {
        const handle = setTimeout(resolve, patienceMs)
        emptied = () => {
          clearTimeout(handle)
          resolve()
        }
      })
    },
  }
}
