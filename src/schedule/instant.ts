/**
 * An ISO 8601 date or date and time. With `Z` or an offset it is that instant; without, it is read in `zone`: a local
 * time that a clock change skips is the first instant after the gap, one that repeats is its first passing.
 *
 * `display` has the digits as written. Null: not of this form, or no such date (31 June, hour 25).
 */
export function readInstant(text: string, zone: string): { runAt: Date; display: string } | null {
  const groups = isoForm.exec(text)
  if (!groups) return null
  const [, date, minutes = '00:00', seconds = '', offset] = groups
  const withSeconds = /[1-9]/.test(seconds) ? seconds : ''
  try {
    const local = Temporal.PlainDateTime.from(`${date}T${minutes}${seconds}`)
    const runAt = offset
      ? Temporal.Instant.from(`${local.toString()}${offset.toUpperCase()}`)
      : firstInstantAt(local, zone)
    return { runAt: new Date(runAt.epochMilliseconds), display: `${date} ${minutes}${withSeconds}` }
  } catch (error) {
    if (error instanceof RangeError) return null
    throw error
  }
}

const isoForm = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:[0-5]\d)(:[0-5]\d(?:\.\d{1,9})?)?(Z|[+-]\d\d(?::?\d\d)?)?)?$/i

/** A local time that a clock change skips is the first instant after the gap, one that repeats is its first passing. */
export function firstInstantAt(local: Temporal.PlainDateTime, zone: string): Temporal.Instant {
  const first = local.toZonedDateTime(zone, { disambiguation: 'earlier' })
  if (first.toPlainDateTime().equals(local)) return first.toInstant()
  // 'earlier' moves a skipped time to before the gap: the change is the next one.
  return (first.getTimeZoneTransition('next') ?? first).toInstant()
}
