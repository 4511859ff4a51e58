/** What was noted lately, under keys: at most `max` of them, the oldest is forgotten first. */
export type Recent<T> = {
  /** Also makes the key the newest one. */
  note(key: string, value: T): void
  get(key: string): T | undefined
  forget(key: string): void
  /** The oldest first. */
  values(): T[]
}

export function createRecent<T>(max: number): Recent<T> {
  const noted = new Map<string, T>()
  return {
    note(key, value) {
      noted.delete(key)
      noted.set(key, value)
      if (noted.size <= max) return
      const [oldest = ''] = noted.keys()
      noted.delete(oldest)
    },
    get: (key) => noted.get(key),
    forget: (key) => void noted.delete(key),
    values: () => [...noted.values()],
  }
}
