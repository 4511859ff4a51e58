/** What the clock of the zone shows at an instant. */
export function localAt(instant: Date, zone: string): Temporal.PlainDateTime {
  return instant.toTemporalInstant().toZonedDateTimeISO(zone).toPlainDateTime()
}

export function wholeSecond(local: Temporal.PlainDateTime): Temporal.PlainDateTime {
  return local.round({ smallestUnit: 'second', roundingMode: 'floor' })
}

/** ISO 8601 without an offset; without seconds, if there are none. */
export function localText(local: Temporal.PlainDateTime): string {
  return local.toString({ smallestUnit: local.second === 0 ? 'minute' : 'second' })
}

/** Of a day, by its seconds since midnight. */
export const timeOf = (seconds: number) => Temporal.PlainTime.from('00:00').add({ seconds })

/** From 0 to 6. `weekday`: from 0 = Sunday. */
export function daysUntil(weekday: number, from: Temporal.PlainDate): number {
  return (weekday - (from.dayOfWeek % 7) + 7) % 7
}

/** @throws TypeError: there are no days */
export function earliest(days: Temporal.PlainDate[]): Temporal.PlainDate {
  return days.reduce((a, b) => (Temporal.PlainDate.compare(a, b) <= 0 ? a : b))
}
