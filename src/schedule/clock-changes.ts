/** A change of a zone's offset from UTC: when, and the offsets before and after it. */
export type ClockChange = { at: Date; from: string; to: string }

/** The first few changes in (after, until]; a zone has two a year, and no more than a few in any year. */
export function clockChangesIn(zone: string, { after, until }: { after: Date; until: Date }): ClockChange[] {
  const changes: ClockChange[] = []
  let at = after.toTemporalInstant().toZonedDateTimeISO(zone).getTimeZoneTransition('next')
  while (at && at.epochMilliseconds <= until.getTime() && changes.length < most) {
    const before = at.subtract({ nanoseconds: 1 })
    changes.push({ at: new Date(at.epochMilliseconds), from: before.offset, to: at.offset })
    at = at.getTimeZoneTransition('next')
  }
  return changes
}

const most = 10
