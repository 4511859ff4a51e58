import type { JobDay } from '../types.ts'
import type { Look } from '../parts/verdict.tsx'

/** How a day looks: the worst of its verdicts. */
export function lookOfDay(day: JobDay | undefined): Look {
  if (!day) return 'none'
  const { runs } = day
  if (runs.failed + runs.timed_out > 0) return 'bad'
  if (runs.interrupted > 0) return 'torn'
  if (day.missed > 0) return 'missed'
  if (runs.succeeded > 0) return 'good'
  if (day.skipped + day.superseded + runs.skipped > 0) return 'skipped'
  return day.cancelled + runs.cancelled > 0 ? 'cancelled' : 'none'
}

/** "23 succeeded, 1 failed, 2 missed". */
export function sumOfDay(day: JobDay | undefined): string {
  if (!day) return 'no slot'
  const { runs } = day
  const counts = [
    [runs.succeeded, 'succeeded'],
    [runs.failed, 'failed'],
    [runs.timed_out, 'timed out'],
    [runs.interrupted, 'interrupted'],
    [day.missed, 'missed'],
    [day.skipped, 'skipped'],
    [day.superseded, 'superseded'],
    [day.cancelled, 'cancelled'],
  ] as const
  const said = counts.filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}`)
  return said.length > 0 ? said.join(', ') : 'no slot'
}

const dayMs = 86_400_000

/** The UTC days of so many whole weeks up to today, Monday first. */
export function weeksUpTo(today: Date, weeks: number): string[][] {
  const sinceMonday = (today.getUTCDay() + 6) % 7
  const monday = today.getTime() - sinceMonday * dayMs
  return Array.from({ length: weeks }, (_, week) =>
    Array.from({ length: 7 }, (__, day) => monday + ((week - weeks + 1) * 7 + day) * dayMs)
      .filter((at) => at <= today.getTime())
      .map((at) => new Date(at).toISOString().slice(0, 10)),
  )
}
