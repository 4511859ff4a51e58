/**
 * Time as the NAS sees it. All instants are epoch milliseconds.
 *
 * `at` calls `run` once when the clock has reached `instantMs` (at once, but never within the call, where
 * that has passed) and returns a function that takes it back. `dueCount` is how many calls are due and have not begun.
 */
export type Clock = {
  now(): number
  at(instantMs: number, run: () => void): () => void
  dueCount(): number
  /** Forgets everything that is scheduled. */
  stop(): void
}

export type VirtualClock = Clock & {
  /** Moves the clock at once and begins everything that is due by then, in order of its instant. Waits for nothing. */
  jump(instantMs: number): void
  /** Moves the clock from one scheduled instant to the next; awaits `settled` before the first and after each. */
  moveTo(instantMs: number, settled: () => Promise<void>): Promise<void>
}

// setTimeout overflows above 2^31-1 ms (24.8 days) and then fires at once. An hour also bounds how late a
// timer is after the machine slept or the wall clock was stepped.
const longestTimeoutMs = 3_600_000

/** The wall clock with real timers; instants any number of days ahead are kept. */
export function createWallClock(): Clock {
  const timers = new Set<NodeJS.Timeout>()
  let due = 0
  return {
    now: Date.now,
    dueCount: () => due,
    at(instantMs, run) {
      let timer: NodeJS.Timeout | undefined
      let isDue = false
      const release = () => {
        if (timer) timers.delete(timer)
        if (isDue) due -= 1
        timer = undefined
        isDue = false
      }
      const wait = () => {
        const leftMs = instantMs - Date.now()
        isDue = leftMs <= 0
        if (isDue) due += 1
        timer = setTimeout(
          () => {
            release()
            if (Date.now() >= instantMs) run()
            else wait()
          },
          Math.min(Math.max(leftMs, 0), longestTimeoutMs),
        )
        timers.add(timer)
      }
      wait()
      return () => {
        clearTimeout(timer)
        release()
      }
    },
    stop() {
      for (const timer of timers) clearTimeout(timer)
      timers.clear()
      due = 0
    },
  }
}

/** A clock that stands still until it is moved; what is scheduled in its past begins at the next turn of the event loop. */
export function createVirtualClock(startMs: number): VirtualClock {
  type Timer = { instantMs: number; run: () => void; immediate?: NodeJS.Immediate }
  const timers = new Set<Timer>()
  let nowMs = startMs

  const begin = (timer: Timer) => {
    timers.delete(timer)
    clearImmediate(timer.immediate)
    timer.run()
  }
  const nextUpTo = (limitMs: number) =>
    [...timers].filter((timer) => timer.instantMs <= limitMs).sort((a, b) => a.instantMs - b.instantMs)[0]

  return {
    now: () => nowMs,
    dueCount: () => [...timers].filter((timer) => timer.instantMs <= nowMs).length,
    at(instantMs, run) {
      const timer: Timer = { instantMs, run }
      timers.add(timer)
      if (instantMs <= nowMs) timer.immediate = setImmediate(() => timers.has(timer) && begin(timer))
      return () => {
        timers.delete(timer)
        clearImmediate(timer.immediate)
      }
    },
    jump(instantMs) {
      for (let timer = nextUpTo(instantMs); timer; timer = nextUpTo(instantMs)) {
        nowMs = Math.max(nowMs, timer.instantMs)
        begin(timer)
      }
      nowMs = instantMs
    },
    async moveTo(instantMs, settled) {
      await settled()
      for (let timer = nextUpTo(instantMs); timer; timer = nextUpTo(instantMs)) {
        nowMs = Math.max(nowMs, timer.instantMs)
        for (const same of [...timers].filter((other) => other.instantMs <= nowMs)) begin(same)
        await settled()
      }
      nowMs = instantMs
    },
    stop() {
      for (const timer of timers) clearImmediate(timer.immediate)
      timers.clear()
    },
  }
}
