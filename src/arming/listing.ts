import type { BootLook, ListedArms, Store } from '../../db/index.ts'
import { type Delays, within } from '../ground/delays.ts'
import type { Armed, TimerAnswer, TimerClient } from '../timers/index.ts'

/** The timer was asked what it holds. `listedAt`: an instant before that, by Postgres' clock. */
export type Listing = { answer: Promise<TimerAnswer<Armed[] | null>>; listedAt: string }

/** What a process has seen at its boot, in Postgres and, if it was asked by then, of the timer. */
export type BootSeen = BootLook & { listing: Listing | null }

/** A timer may drop fractions of a second. */
const toleranceMs = 1_000
/** What is overdue waits no longer for the timer. */
const listedWithinMs = 2_000
/** A longer list has a statement of its own: what is overdue does not wait for that either. */
const listedMax = 2_000

/**
 * Asks the timer for its list before the look of the boot, so that this look compares them, in one statement. Null, and
 * nothing is asked: this process has recorded no arm, so it knows no instant of Postgres' clock that is before its
 * question. It may not be a later one, as that of the look is: the list may be older than an arm that was recorded meanwhile,
 * and that arm would seem to be lost.
 */
export function listAhead({
  store,
  timer,
}: {
  store: Pick<Store, 'recordedAt'>
  timer: Pick<TimerClient, 'list'>
}): Listing | null {
  const listedAt = store.recordedAt()
  return listedAt === null ? null : { answer: timer.list(), listedAt }
}

/** What the look of the boot can compare; null: it does not come soon, says nothing, or is too long for that. */
export async function listedSoon(listing: Listing, delays: Delays): Promise<ListedArms | null> {
  // why it failed is told by the reconcile
  const known = listing.answer.catch(() => null)
  const answer = await within(delays, listedWithinMs, known, null)
  if (!answer?.ok || !answer.value || answer.value.length > listedMax) return null
  return listedArms(answer.value, listing.listedAt)
}

export function listedArms(listed: Armed[], listedAt: ListedArms['listedAt']): ListedArms {
  return {
    jobIds: listed.map(({ jobId }) => jobId),
    fireAtMs: listed.map(({ fireAtMs }) => fireAtMs),
    ...{ listedAt, toleranceMs },
  }
}
