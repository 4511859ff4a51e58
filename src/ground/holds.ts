/** A reason why this process must stay up. */
export type HoldKind =
  /** What a start looks after, up to the reconcile, which holds by itself. */
  | 'boot'
  /** A claimed run, under way or waiting for room. */
  | 'run'
  /** A delivery that is being sent, or waits for its turn. */
  | 'delivery'
  /** A wake-up that NAS has not confirmed. */
  | 'arm'
  /** An authenticated request, until it is answered. */
  | 'request'
  /** A call of the page that changes nothing, until it is answered. It prolongs no stay. */
  | 'page'
  /** The built-in scheduler: the process itself is the timer. */
  | 'ticker'
  /** A wait that is short enough to be waited for here. */
  | 'timer'
  | 'reconcile'
  /** A new refresh token that is not stored yet: it exists in this process only. */
  | 'login'
  /** It is going down already, in order. */
  | 'drain'

/**
 * All the reasons why this process must stay up, by kind: the one place that knows them. `onRelease` is called
 * after each release, `onFree` after that of the last one.
 */
export type Holds = {
  /** Takes a hold; the returned function releases it, and may be called more than once. */
  take(kind: HoldKind): () => void
  /** Holds `work` open until it settles. */
  during<T>(kind: HoldKind, work: Promise<T>): Promise<T>
  /** All that are held, or those of the kinds that are named. */
  count(...kinds: HoldKind[]): number
  byKind(): Partial<Record<HoldKind, number>>
  onRelease(listener: (kind: HoldKind) => void): void
  onFree(listener: () => void): void
  /** Resolves when the next hold is released. */
  released(): Promise<void>
}

export function createHolds(): Holds {
  const counts = new Map<HoldKind, number>()
  const listeners: ((kind: HoldKind) => void)[] = []
  let waiters: (() => void)[] = []
  let total = 0

  function take(kind: HoldKind): () => void {
    change(kind, 1)
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      change(kind, -1)
      for (const tell of waiters) tell()
      waiters = []
      for (const listener of listeners) listener(kind)
    }
  }

  function change(kind: HoldKind, by: 1 | -1) {
    total += by
    counts.set(kind, (counts.get(kind) ?? 0) + by)
  }

  return {
    take,
    during(kind, work) {
      const release = take(kind)
      return work.finally(release)
    },
    count: (...kinds) =>
      kinds.length === 0 ? total : kinds.reduce((sum, kind) => sum + (counts.get(kind) ?? 0), 0),
    byKind: () => Object.fromEntries([...counts].filter(([, count]) => count > 0)),
    onFree: (listener) => void listeners.push(() => total === 0 && listener()),
    onRelease: (listener) => void listeners.push(listener),
    released: () => new Promise((resolve) => void waiters.push(resolve)),
  }
}
