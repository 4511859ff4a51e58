import { AppError } from '../ground/errors.ts'
import type { DayRule } from './calendar.ts'
import { type Day, dayMs, dayNumber, dayOf } from './day.ts'
import { timesOfList } from './times.ts'

export type StepUnit = 'day' | 'week' | 'month' | 'year'

/** Every `every` units at the same local time, from `first` on (local, ISO 8601 without an offset). */
export type Steps = { every: number; unit: StepUnit; first: string }

/** The text of it that `readSteps` reads. */
export function stepsText({ every, unit, first }: Steps): string {
  return `every ${every} ${unit} from ${first}`
}

const form = /^every (\d{1,5}) (day|week|month|year) from (\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?)$/

/** Null: not of this form. */
export function readSteps(text: string): Steps | null {
  const groups = form.exec(text)
  if (!groups) return null
  const [, every, unit, first = ''] = groups
  return { every: Number(every), unit: unit as StepUnit, first }
}

/** Local ms of ISO text without an offset. @throws AppError SCHEDULE_INVALID */
export function localMs(text: string): number {
  const ms = Date.parse(`${text.length === 10 ? `${text}T00:00` : text}Z`)
  if (Number.isFinite(ms)) return ms
  throw new AppError('SCHEDULE_INVALID', `The date ${JSON.stringify(text)} does not exist.`)
}

/**
 * The days of the steps, each found without those before it. A month that has no such date has its last day: every
 * month from 31 January is 28 February, 31 March.
 */
export function stepRule(steps: Steps): DayRule {
  const first = localMs(steps.first)
  const times = timesOfList([(first % dayMs) / 1000])
  const isOn = stepTest(steps)
  return { timesOn: (day) => (isOn(day) ? times : null) }
}

function stepTest({ every, unit, first }: Steps): (day: Day) => boolean {
  const start = dayOf(dayNumber(first))
  if (unit === 'day' || unit === 'week') {
    const days = unit === 'week' ? 7 * every : every
    return (day) => day.number >= start.number && (day.number - start.number) % days === 0
  }
  const months = unit === 'year' ? 12 * every : every
  return (day) => {
    const past = (day.year - start.year) * 12 + day.month - start.month
    return past >= 0 && past % months === 0 && day.date === Math.min(start.date, day.monthLength)
  }
}
