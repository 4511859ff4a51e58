import { setTimeout as delay } from 'node:timers/promises'
import type { Call } from './call.ts'

/** The first look comes after this long; each further one, because a look keeps the machine up, after twice as long. */
const firstLookMs = 5_000

/**
 * Whether the machine goes down when nobody calls it. A process that began after the last call was not there before:
 * our own look has started it. `since`: the last answer, by the clock of the service.
 */
export async function checkSleep(
  call: Call,
  since: Date,
  withinMs: number,
): Promise<{ isAsleep: boolean; text: string }> {
  const startedAt = performance.now()
  let lastAt = since
  for (let waitMs = firstLookMs; ; waitMs *= 2) {
    const leftMs = withinMs - (performance.now() - startedAt)
    await delay(Math.min(waitMs, Math.max(leftMs, 1_000)))
    const { body, at } = await call('GET', '/api/status')
    const bootedAt = new Date(body.process?.started_at ?? 0)
    if (bootedAt > new Date(lastAt.getTime() + 1_000))
      return { isAsleep: true, text: 'the machine sleeps when no one needs it' }
    lastAt = at
    if (performance.now() - startedAt < withinMs) continue
    return {
      isAsleep: false,
      text: `the machine does not sleep: it was still up after ${Math.round(withinMs / 1000)} s. ${causeOfStay(body.process?.holds)}`,
    }
  }
}

const causes: Record<string, string> = {
  ticker: 'The service is its own timer: set up an outside one (docs/timers.md).',
  run: 'A run is under way, or waits for a place.',
  arm: 'The timer has not confirmed a wake-up: look at "unarmed" in /api/status.',
  delivery: 'A delivery is being sent.',
  timer: 'A retry is due soon.',
  login: 'A refresh token is not stored yet: the database is slow or away.',
  reconcile: 'The reconcile of the start goes on: the timer or the database is slow or away.',
}

/** By what holds the process, besides the look itself. */
function causeOfStay(holds: Record<string, number> = {}): string {
  const known = Object.keys(holds).flatMap((kind) => causes[kind] ?? [])
  if (known.length > 0) return known.join(' ')
  return 'Nothing holds it: set IDLE_EXIT_MS to 1000 (0 means never), or other callers, such as a dashboard, keep it up.'
}
