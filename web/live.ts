import { computed, signal } from '@preact/signals'

/**
 * The page lets the machine sleep: it asks for news while it is visible and its reader moves, ever less often, and not at
 * all after five minutes. Once the machine should be asleep the next call would start it, so that is left to the reader.
 */
export type Pace = 'live' | 'slow' | 'hidden' | 'paused' | 'asleep'
export const pace = signal<Pace>('live')
/** When the machine goes down by itself, as it said last, in milliseconds since 1970; null: something keeps it up. */
export const goesDownAt = signal<number | null>(null)
/** Whether the page may call by itself. */
export const isAsleep = computed(() => pace.value === 'asleep')

const liveMs = 5_000
const slowMs = 20_000
const slowsAfterMs = 60_000
const pausesAfterMs = 5 * 60_000

let movedAt = Date.now()
/** A view asks for what it shows as it is opened: the first news are due as long after that as all others. */
let askedAt = Date.now()
const asking = new Set<() => void>()

/** Calls `ask` whenever it is time for news. Returns a function that ends that. */
export function onNews(ask: () => void): () => void {
  asking.add(ask)
  return () => asking.delete(ask)
}

/** The reader wants to go on: asks at once, and wakes the machine if it sleeps. */
export function resume(): void {
  movedAt = Date.now()
  goesDownAt.value = null
  pace.value = 'live'
  askedAt = Date.now()
  for (const ask of asking) ask()
}

/** Each answer says when the machine goes down; no answer at all, or one of a proxy alone, that it is down. */
export function noteAnswer(status: number, goesDownInSeconds: string | null): void {
  if (status === 0 || status === 502 || status === 504) {
    pace.value = 'asleep'
    return
  }
  goesDownAt.value = goesDownInSeconds === null ? null : Date.now() + Number(goesDownInSeconds) * 1_000
  if (pace.value === 'asleep') pace.value = 'live'
}

function tick(): void {
  const now = Date.now()
  pace.value = paceAt(now)
  const everyMs = pace.value === 'live' ? liveMs : pace.value === 'slow' ? slowMs : Infinity
  if (now - askedAt < everyMs) return
  askedAt = now
  for (const ask of asking) ask()
}

function paceAt(now: number): Pace {
  if (pace.value === 'asleep' || (goesDownAt.value !== null && now > goesDownAt.value)) return 'asleep'
  if (document.visibilityState === 'hidden') return 'hidden'
  const restsFor = now - movedAt
  return restsFor >= pausesAfterMs ? 'paused' : restsFor >= slowsAfterMs ? 'slow' : 'live'
}

/** A mouse that is pushed by accident ends no pause; a press does. What sleeps is woken by its button alone. */
function moved({ type }: Event): void {
  if (pace.value === 'live' || pace.value === 'slow') movedAt = Date.now()
  else if (pace.value === 'paused' && (type === 'pointerdown' || type === 'keydown')) resume()
}

for (const event of ['pointermove', 'pointerdown', 'keydown', 'wheel', 'touchstart'])
  addEventListener(event, moved, { passive: true })
document.addEventListener('visibilitychange', tick)
setInterval(tick, 1_000)
