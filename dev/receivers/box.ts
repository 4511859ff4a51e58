/** Where a receiver puts what it got, and where a test waits for it. */
export function createBox<T>() {
  const items: T[] = []
  const waiting = new Set<() => void>()
  const look = () => waiting.forEach((one) => one())

  /** Rejects after 5 s. */
  async function until(isSo: () => boolean): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const timer = setTimeout(() => reject(new Error(`after 5 s it is not so: ${isSo.toString()}`)), 5_000)
    const one = () => {
      if (isSo()) resolve()
    }
    waiting.add(one)
    one()
    return promise.finally(() => {
      clearTimeout(timer)
      waiting.delete(one)
    })
  }

  return {
    items,
    until,
    /** Something has changed that someone may wait for. */
    look,
    put(item: T) {
      items.push(item)
      look()
    },
    async waitFor(count: number): Promise<T[]> {
      await until(() => items.length >= count)
      return items
    },
  }
}
