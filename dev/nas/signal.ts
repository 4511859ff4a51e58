/** Tells those who wait that something has changed, so that no one has to poll or sleep. */
export type Signal = {
  changed(): void
  /**
   * The first truthy value of `look`, which is called now and after every change.
   *
   * Without `timeoutMs` it waits as long as it takes; with it, it rejects after so many real milliseconds, naming `what`.
   */
  until<T>(
    look: () => T,
    timeoutMs?: number,
    what?: string,
  ): Promise<Exclude<T, false | null | undefined | 0 | ''>>
}

/** `before` is called at each change, before those who wait look again. */
export function createSignal(before: () => void = () => {}): Signal {
  const waiting = new Set<() => void>()
  return {
    changed() {
      before()
      for (const again of waiting) again()
    },
    until<T>(look: () => T, timeoutMs?: number, what = look.toString()) {
      type Found = Exclude<T, false | null | undefined | 0 | ''>
      return new Promise<Found>((resolve, reject) => {
        let timer: NodeJS.Timeout | undefined
        const finish = (end: () => void) => {
          clearTimeout(timer)
          waiting.delete(again)
          end()
        }
        const again = () => {
          try {
            const found = look()
            if (found) finish(() => resolve(found as Found))
          } catch (error) {
            finish(() => reject(error instanceof Error ? error : new Error(String(error))))
          }
        }
        if (timeoutMs !== undefined) {
          const late = new Error(`after ${timeoutMs} ms this still did not hold: ${what}`)
          timer = setTimeout(() => finish(() => reject(late)), timeoutMs)
        }
        waiting.add(again)
        again()
      })
    },
  }
}
