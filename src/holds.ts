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
  count(): number
  byKind(): Partial<Record<HoldKind, number>>
  onFree(listener: () => void): void
}

export function createHolds(): Holds {
  const counts = new Map<HoldKind, number>()
  const listeners: (() => void)[] = []
  let total = 0

  function take(kind: HoldKind): () => void {
    change(kind, 1)
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      change(kind, -1)
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
    count: () => total,
    byKind: () => Object.fromEntries([...counts].filter(([, count]) => count > 0)),
    onFree: (listener) => void listeners.push(listener),
  }
}
