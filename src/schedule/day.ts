/** A day of the calendar, as rules look at it. */
export type Day = {
  /** Days since 1 January 1970. */
  number: number
  year: number
  /** From 1. */
  month: number
  date: number
  /** From 0 = Sunday. */
  weekday: number
  /** Days of its month. */
  monthLength: number
}

export const dayMs = 86_400_000

/** In whole numbers only: a `Date` for each of the days that a search walks over costs several times as much. */
export function dayOf(number: number): Day {
  // days since 1 March of year 0, in spans of 400 years (civil_from_days)
  const shifted = number + 719_468
  const era = Math.floor(shifted / 146_097)
  const ofEra = shifted - era * 146_097
  const yearOfEra = Math.floor(
    (ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) / 365,
  )
  const ofYear = ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const fromMarch = Math.floor((5 * ofYear + 2) / 153)
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  const date = ofYear - Math.floor((153 * fromMarch + 2) / 5) + 1
  const weekday = (((number + 4) % 7) + 7) % 7
  return { number, year, month, date, weekday, monthLength: daysIn(year, month) }
}

function daysIn(year: number, month: number): number {
  if (month !== 2) return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
}

/** The number of the day that ISO text such as `2026-11-27` names, with or without a time behind it. */
export function dayNumber(iso: string): number {
  return Math.floor(Date.parse(`${iso.slice(0, 10)}T00:00:00Z`) / dayMs)
}
