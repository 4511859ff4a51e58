import type { ArmTry } from '../job/words.ts'
import type { Arm, Delivery, Run } from '../types.ts'

/** A step of a run: from when to when, in milliseconds since 1970. `look` is its colour. */
export type Span = {
  key: string
  name: string
  /** What happened in it. */
  says: string
  from: number
  to: number
  look: 'wait' | 'work' | 'good' | 'bad' | 'live'
}

export const liveStates: ReadonlySet<string> = new Set(['claimed', 'running', 'waiting'])

/** The steps of a run in the order in which they began, from its slot to the last message about it. */
export function spansOf(
  run: Run,
  arm: Arm | null,
  deliveries: readonly Delivery[],
  now = Date.now(),
): Span[] {
  const claimed = Date.parse(run.claimed_at)
  const spans = [
    ...wakeOf(run, claimed),
    ...attemptsOf(run, claimed, now),
    ...armsOf(run, arm, claimed, now),
    ...deliveries.map((one) => deliverySpan(one, now)),
  ]
  return spans.toSorted((a, b) => a.from - b.from)
}

function wakeOf({ slot, trigger }: Run, claimed: number): Span[] {
  if (!slot) {
    const says = `started by ${triggerWords[trigger] ?? trigger}`
    return [{ key: 'claim', name: 'Claim', says, from: claimed, to: claimed, look: 'work' }]
  }
  const due = Math.min(Date.parse(slot), claimed)
  const says = 'from the slot until one process had the run for itself'
  return [{ key: 'wake', name: 'Wake and claim', says, from: due, to: claimed, look: 'wait' }]
}

export const triggerWords: Record<string, string> = {
  fire: 'a call of the timer',
  manual: 'hand',
  catch_up: 'catching up on a slot that had passed',
  builtin: 'this service itself',
  retry: 'hand, as a repetition of a run',
  after: 'the end of another run',
}

function attemptsOf(run: Run, claimed: number, now: number): Span[] {
  const spans: Span[] = []
  let free = claimed
  for (const { attempt, state, started_at: began, finished_at: ended, error } of run.attempts) {
    const from = began ? Date.parse(began) : Date.parse(ended)
    spans.push(...waitBefore(attempt, free, from))
    free = Date.parse(ended)
    const says = error ? `${error.code}: ${error.message}` : state
    const look = state === 'succeeded' ? 'good' : 'bad'
    spans.push({ key: `attempt${attempt}`, name: `Attempt ${attempt}`, says, from, to: free, look })
  }
  if (liveStates.has(run.state)) return [...spans, ...liveAttempt(run, free, now)]
  const over = run.finished_at ? Date.parse(run.finished_at) : free
  return [
    ...spans,
    { key: 'settle', name: 'Settle', says: 'the outcome is written', from: free, to: over, look: 'work' },
  ]
}

/** Less than this between two steps is no wait. */
const shortMs = 5

function waitBefore(attempt: number, from: number, to: number): Span[] {
  if (to - from < shortMs) return []
  const says = attempt === 1 ? 'for its instant and for a place' : 'until the next attempt is due'
  return [{ key: `wait${attempt}`, name: 'Wait', says, from, to, look: 'wait' }]
}

function liveAttempt(run: Run, free: number, now: number): Span[] {
  const attempt = Math.max(run.attempt, 1)
  const began = run.started_at ? Date.parse(run.started_at) : null
  if (run.state === 'claimed' || began === null || began < free - shortMs) {
    const says = run.waiting_since ? 'for a place: all of this process are taken' : 'for its instant'
    return [{ key: 'wait-now', name: 'Wait', says, from: free, to: Math.max(free, now), look: 'live' }]
  }
  const says = run.state === 'waiting' ? 'its target has taken the work, and reports later' : 'is at work'
  return [
    ...waitBefore(attempt, free, began),
    {
      key: `attempt${attempt}`,
      name: `Attempt ${attempt}`,
      says,
      from: began,
      to: Math.max(began, now),
      look: 'live',
    },
  ]
}

/** What the timer service was told between the claim and a little after the end. */
function armsOf(run: Run, arm: Arm | null, claimed: number, now: number): Span[] {
  const until = (run.finished_at ? Date.parse(run.finished_at) : now) + 3_000
  const tries = (arm?.history ?? []) as ArmTry[]
  return tries
    .map((one) => ({ one, from: Date.parse(one.asked_at) }))
    .filter(({ from }) => from >= claimed - 100 && from <= until)
    .map(({ one, from }) => ({
      key: `arm${one.asked_at}`,
      name: 'Arm',
      says: one.error ? one.error.message : `the timer holds the next wake-up: ${one.outcome}`,
      from,
      to: from + (one.took_ms ?? 0),
      look: one.error ? 'bad' : 'work',
    }))
}

export const receiverOf = ({ to }: Delivery): string => to.channel ?? to.type ?? `job ${to.job}`

function deliverySpan(delivery: Delivery, now: number): Span {
  const isOver = delivery.finished_at !== null
  return {
    key: delivery.id,
    name: `Deliver to ${receiverOf(delivery)}`,
    says: delivery.error?.message ?? delivery.error?.code ?? delivery.state,
    from: Date.parse(delivery.created_at),
    to: delivery.finished_at ? Date.parse(delivery.finished_at) : now,
    look: isOver ? (delivery.state === 'delivered' ? 'good' : 'bad') : 'live',
  }
}
