import { type Expression, names } from './expressions.ts'

const minuteMs = 60_000

/**
 * The slots of `(after, until]`, found the slow way: look at every minute there is, ask Temporal what the clock on
 * the wall shows, and do as docs/schedules.md says. Shares nothing with the code under test. Both ends are whole
 * minutes; no clock change lies so close behind `after` that local times before it come again.
 */
export function walkMinutes(
  expression: Expression,
  zone: string,
  { after, until }: { after: Date; until: Date },
): Date[] {
  const slots: Date[] = []
  let shown = localMinute(zone, after.getTime())
  for (let instant = after.getTime() + minuteMs; instant <= until.getTime(); instant += minuteMs) {
    const local = localMinute(zone, instant)
    const isNew = Temporal.PlainDateTime.compare(local, shown) > 0
    const named = names(expression, local) && (isNew || expression.runsThrough)
    const madeUp = isNew && !expression.runsThrough && skipsNamed(expression, shown, local)
    if (named || madeUp) slots.push(new Date(instant))
    if (isNew) shown = local
  }
  return slots
}

function localMinute(zone: string, instant: number): Temporal.PlainDateTime {
  return Temporal.Instant.fromEpochMilliseconds(instant).toZonedDateTimeISO(zone).toPlainDateTime()
}

function skipsNamed(
  expression: Expression,
  shown: Temporal.PlainDateTime,
  local: Temporal.PlainDateTime,
): boolean {
  let skipped = shown.add({ minutes: 1 })
  while (Temporal.PlainDateTime.compare(skipped, local) < 0) {
    if (names(expression, skipped)) return true
    skipped = skipped.add({ minutes: 1 })
  }
  return false
}
