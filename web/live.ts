import { signal } from '@preact/signals'

/**
 * The page lets the machine sleep: it asks for news while it is visible and its reader moves, ever less often, and not at
 * all after five minutes. Past `sleepsAt` the next call would start a machine, so that is left to the reader.
 */
export type Pace = 'live' | 'slow' | 'paused' | 'asleep' | 'hidden'
export const pace = signal<Pace>('live')

const liveMs = 5_000
const slowMs = 20_000
const slowsAfterMs = 60_000
const pausesAfterMs = 5 * 60_000

let movedAt = Date.now()
let askedAt = 0
/** When the machine goes down, as it said last; null: it stays up, or did not say. */
let sleepsAt: number | null = null
const asking = new Set<() => void>()

/** Calls `ask` whenever it is time for news. Returns a function that ends that. */
export function onNews(ask: () => void): () => void {
  asking.add(ask)
  return () => asking.delete(ask)
}

/** The reader wants to go on: asks at once, and wakes the machine if it sleeps. */
export function resume(): void {
  movedAt = Date.now()
  sleepsAt = null
  pace.value = 'live'
  news()
}

/** When the machine said that it goes down, in milliseconds from now; null: it stays up. */
export function noteSleep(inMs: number | null): void {
  sleepsAt = inMs === null ? null : Date.now() + inMs
}

/** Each answer says whether a machine is there; without one nothing is asked again by itself. */
export function noteAnswer(status: number): void {
  if (status === 0 || status === 502 || status === 504) pace.value = 'asleep'
  else if (pace.value === 'asleep') pace.value = 'live'
}

function news(): void {
  askedAt = Date.now()
  for (const ask of asking) ask()
}

function tick(): void {
  const now = Date.now()
  pace.value = paceAt(now)
  const everyMs = pace.value === 'live' ? liveMs : pace.value === 'slow' ? slowMs : Infinity
  if (now - askedAt >= everyMs) news()
}

function paceAt(now: number): Pace {
  if (pace.value === 'asleep' || (sleepsAt !== null && now > sleepsAt)) return 'asleep'
  if (document.visibilityState === 'hidden') return 'hidden'
  if (now - movedAt >= pausesAfterMs) return 'paused'
  return now - movedAt >= slowsAfterMs ? 'slow' : 'live'
}

function moved(): void {
  // a pause ends by a press, so that a mouse that is pushed by accident wakes nothing
  if (pace.value === 'live' || pace.value === 'slow') movedAt = Date.now()
}

for (const event of ['pointermove', 'pointerdown', 'keydown', 'wheel', 'touchstart'])
  addEventListener(event, moved, { passive: true })
document.addEventListener('visibilitychange', tick)
setInterval(tick, 1_000)
