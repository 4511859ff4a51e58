import type { StandInClock } from './clock.ts'
import type { Faults } from './faults.ts'

/** A call that a service owes: `tries` made so far. */
export type Owed = { id: string; fireAtMs: number; tries: number; takeBack: () => void; isGone: boolean }

type Answered = { status: number; retryAfter: string | null }

type CouriersNeeds = {
  clock: StandInClock
  faults: Faults
  /** One call; its status and `Retry-After`, or null: no answer came. */
  call: (owed: Owed) => Promise<Answered | null>
  /** Milliseconds until the next try; null: the service gives up. */
  gapMs: (owed: Owed, retryAfter: string | null) => number | null
  ended: (owed: Owed, isDelivered: boolean) => void
  /** Told after each call that was answered, or failed to be. */
  changed?: (() => void) | undefined
}

/** Sends what is owed at its instant, again until it is answered with 2xx, as the service's rules have it. */
export function createCouriers({ clock, faults, call, gapMs, ended, changed }: CouriersNeeds) {
  const underWay = new Set<Promise<void>>()
  /** Those that are due in one turn, for sending them in the opposite order. */
  let due: Owed[] = []
  let isCollecting = false
  let isHeld = false

  function owe(id: string, fireAtMs: number): Owed {
    const owed: Owed = { id, fireAtMs, tries: 0, takeBack: () => {}, isGone: false }
    owed.takeBack = clock.at(fireAtMs + faults.shiftMs, () => begin(owed))
    return owed
  }

  function begin(owed: Owed) {
    due.push(owed)
    if (!isHeld) collect()
  }

  function collect() {
    if (isCollecting) return
    isCollecting = true
    setImmediate(() => {
      const batch = faults.isReversed ? due.toReversed() : due
      due = []
      isCollecting = false
      if (faults.isReversed) track(inTurn(batch))
      else for (const one of batch) track(send(one))
    })
  }

  async function inTurn(batch: Owed[]) {
    for (const one of batch) await send(one)
  }

  async function send(owed: Owed) {
    if (owed.isGone) return
    owed.tries += 1
    // however often it arrives, it is one try
    const answers = await Promise.all(Array.from({ length: faults.copies }, () => call(owed)))
    const answer = answers.find(isTaken) ?? answers[0] ?? null
    const isDeaf = faults.deafTimes > 0
    if (isDeaf) faults.deafTimes -= 1
    if (owed.isGone) return
    if (!isDeaf && isTaken(answer)) return end(owed, true)
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
    void work.finally(() => {
      underWay.delete(work)
      changed?.()
    })
  }

  return {
    owe,
    /** The service does not send it any more. */
    drop(owed: Owed) {
      owed.isGone = true
      owed.takeBack()
    },
    sending: () => underWay.size + (isCollecting ? due.length : 0),
    hold() {
      isHeld = true
    },
    release() {
      isHeld = false
      collect()
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

function isTaken(answer: Answered | null): boolean {
  return answer !== null && answer.status >= 200 && answer.status < 300
}
