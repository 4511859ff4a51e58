import type { StandInClock } from './clock.ts'
import type { Faults } from './faults.ts'

/** A call that a service owes: `tries` made so far. */
export type Owed = { id: string; fireAtMs: number; tries: number; takeBack: () => void; isGone: boolean }

type CouriersNeeds = {
  clock: StandInClock
  faults: Faults
  /** One call; its status and `Retry-After`, or null: no answer came. */
  call: (owed: Owed) => Promise<{ status: number; retryAfter: string | null } | null>
  /** Milliseconds until the next try; null: the service gives up. */
  gapMs: (owed: Owed, retryAfter: string | null) => number | null
  ended: (owed: Owed, isDelivered: boolean) => void
}

/** Sends what is owed at its instant, again until it is answered with 2xx, as the service's rules have it. */
export function createCouriers({ clock, faults, call, gapMs, ended }: CouriersNeeds) {
  const underWay = new Set<Promise<void>>()
  /** Those that are due in one turn, for sending them in the opposite order. */
  let due: Owed[] = []
  let isCollecting = false

  function owe(id: string, fireAtMs: number): Owed {
    const owed: Owed = { id, fireAtMs, tries: 0, takeBack: () => {}, isGone: false }
    owed.takeBack = clock.at(fireAtMs + faults.shiftMs, () => begin(owed))
    return owed
  }

  function begin(owed: Owed) {
    due.push(owed)
    if (isCollecting) return
    isCollecting = true
    setImmediate(() => {
      const batch = faults.isReversed ? due.toReversed() : due
      due = []
      isCollecting = false
      if (faults.isReversed) track(inTurn(batch))
      else for (const one of batch) for (let copy = 0; copy < faults.copies; copy++) track(send(one))
    })
  }

  async function inTurn(batch: Owed[]) {
    for (const one of batch) await send(one)
  }

  async function send(owed: Owed) {
    if (owed.isGone) return
    owed.tries += 1
    const answer = await call(owed)
    const isDeaf = faults.deafTimes > 0
    if (isDeaf) faults.deafTimes -= 1
    if (owed.isGone) return
    if (!isDeaf && answer && answer.status >= 200 && answer.status < 300) return end(owed, true)
    const waitMs = gapMs(owed, answer?.retryAfter ?? null)
    if (waitMs === null) return end(owed, false)
    owed.takeBack = clock.at(clock.now() + waitMs, () => begin(owed))
  }

  function end(owed: Owed, isDelivered: boolean) {
    owed.isGone = true
    owed.takeBack()
    ended(owed, isDelivered)
  }

  function track(work: Promise<void>) {
    underWay.add(work)
    void work.finally(() => underWay.delete(work))
  }

  return {
    owe,
    /** The service does not send it any more. */
    drop(owed: Owed) {
      owed.isGone = true
      owed.takeBack()
    },
    /** Resolves when no call is under way. */
    async settled() {
      while (clock.isBehind() || isCollecting || underWay.size > 0) {
        await new Promise((resolve) => setImmediate(resolve))
        await Promise.allSettled(underWay)
      }
    },
  }
}
