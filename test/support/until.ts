// A test may have set the delays of its process: these are the real ones.
const { setTimeout: wakeAfter } = globalThis
const pauseMs = 10

/**
 * What `look` gives as soon as it is neither false, null nor undefined. Fails with `what` when `withinMs` are over: much
 * longer than it ever takes, because it only shortens the wait for a failure.
 */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  { withinMs = 30_000 } = {},
): Promise<Exclude<T, false | null | undefined>> {
  for (const endsAt = performance.now() + withinMs; ; ) {
    const found = await look()
    if (found !== false && found !== null && found !== undefined)
      return found as Exclude<T, false | null | undefined>
    if (performance.now() > endsAt) throw new Error(`not within ${withinMs / 1000} s: ${what}`)
    await new Promise((wake) => wakeAfter(wake, pauseMs))
  }
}
