import { setTimeout as delay } from 'node:timers/promises'

/** The first truthy value of `look`, asked every 25 ms; throws with `what` when `timeoutMs` are over. */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  timeoutMs = 10_000,
): Promise<NonNullable<T>> {
  const found = await eventually(look, timeoutMs)
  if (!found) throw new Error(`waited ${timeoutMs} ms for: ${what}`)
  return found
}

/** As `until`, but answers the last value instead of throwing. */
export async function eventually<T>(look: () => T | Promise<T>, timeoutMs = 10_000): Promise<T> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const found = await look()
    if (found || performance.now() > deadline) return found
    await delay(25)
  }
}

/** Until the wall clock shows `instant` (milliseconds since 1970). */
export async function atInstant(instant: number): Promise<void> {
  await delay(Math.max(0, instant - Date.now()))
}
