import { setImmediate } from 'node:timers/promises'
import { nextSlot, type Rule } from './slots.ts'
import { checkZone } from './zone.ts'

/** A slot as a person sees it. */
export type UpcomingSlot = {
  at: Date
  /** Local time in the rule's zone, ISO 8601 with offset and without the zone's name. */
  local: string
  /**
   * The zone changed its offset between the slot before (for the first one: `after`) and this one, both ends
   * included at this side: the latest such change, with the offsets before and after it. Absent: it did not.
   */
  offset_change?: { at: Date; from: string; to: string }
}

/** A slot takes up to 0.3 ms: those of a leap day, in a zone that changes its clocks. */
const slotsAtOnce = 32

/**
 * The next `count` slots strictly after `after`, earliest first; fewer if the schedule ends. While many are counted, the
 * event loop goes round between them.
 */
export async function nextWithTransitions(
  rule: Rule,
  { after, count }: { after: Date; count: number },
): Promise<UpcomingSlot[]> {
  const zone = checkZone(rule.zone)
  const upcoming: UpcomingSlot[] = []
  let previous = after
  while (upcoming.length < count) {
    const at = nextSlot(rule, previous)
    if (!at) break
    const change = latestChange(zone, { after: previous, until: at })
    const local = inZone(zone, at).toString({ timeZoneName: 'never' })
    upcoming.push(change ? { at, local, offset_change: change } : { at, local })
    previous = at
    if (upcoming.length % slotsAtOnce === 0) await setImmediate()
  }
  return upcoming
}

function latestChange(
  zone: string,
  { after, until }: { after: Date; until: Date },
): UpcomingSlot['offset_change'] | null {
  // 'previous' looks strictly before: from one ns later, a change at this very instant is found.
  const change = inZone(zone, until).add({ nanoseconds: 1 }).getTimeZoneTransition('previous')
  if (!change || change.epochMilliseconds <= after.getTime()) return null
  return {
    at: new Date(change.epochMilliseconds),
    from: change.subtract({ nanoseconds: 1 }).offset,
    to: change.offset,
  }
}

function inZone(zone: string, at: Date): Temporal.ZonedDateTime {
  return at.toTemporalInstant().toZonedDateTimeISO(zone)
}
