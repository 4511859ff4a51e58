import { setImmediate } from 'node:timers/promises'

/** Work of many pieces holds the event loop for so long at a time. */
const longestMs = 20

/** To be awaited between the pieces of long work: now and then it lets everything else go on first. */
export function createBreath(): () => Promise<void> {
  let since = performance.now()
  return async () => {
    if (performance.now() - since < longestMs) return
    await setImmediate()
    since = performance.now()
  }
}
