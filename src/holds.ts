/** A reason why this process must stay up. */
export type HoldKind = 'boot' | 'run' | 'arm' | 'request' | 'ticker' | 'timer' | 'reconcile'

/**
 * All the reasons why this process must stay up, by kind. `onFree` is called each time the last one is released.
 */
export type Holds = {
  /** Takes a hold; the returned function releases it, and may be called more than once. */
  take(kind: HoldKind): () => void
  /** Holds `work` open until it settles. */
  during<T>(kind: HoldKind, work: Promise<T>): Promise<T>
  /** All that are held, or those of the kinds that are named. */
  count(...kinds: HoldKind[]): number
  byKind(): Partial<Record<HoldKind, number>>
  onFree(listener: () => void): void
  /** Resolves when the next hold is released. */
  released(): Promise<void>
}

export function createHolds(): Holds {
  const counts = new Map<HoldKind, number>()
  const listeners: (() => void)[] = []
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
      if (total === 0) for (const listener of listeners) listener()
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
    onFree: (listener) => void listeners.push(listener),
    released: () => new Promise((resolve) => void waiters.push(resolve)),
  }
}
