import type { Day } from './day.ts'

/** Days that depend on the month: the last one, the weekday nearest to a date, the n-th or last Monday. */
export type SpecialDays = {
  byDate(day: Day): boolean
  byWeekday(day: Day): boolean
  /** Some of them are in the field of the day of month. */
  hasDates: boolean
  /** `the last day of the month`; empty: none. */
  datesInWords: string
  weekdaysInWords: string
}

type Refuse = (why: string) => Error
/** What one item names. */
type Item = { test: (day: Day) => boolean; words: string }

const weekdayNames = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT']
const fullNames = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const places = ['', 'first', 'second', 'third', 'fourth', 'fifth']

/**
 * Takes the items that only some crons know out of the day fields: `L`, `L-3`, `LW`, `15W` of the day of month, and
 * `1#1`, `MON#1`, `5#L`, `5L`, `FRIL` of the weekday. `parts`: the others, with `*` for a field that has no more.
 *
 * @throws what `refuse` makes
 */
export function takeSpecialDays(parts: string[], refuse: Refuse) {
  const [dates, ofWeek] = [parts.at(-3) ?? '', parts.at(-1) ?? '']
  if (!/[LW#]/i.test(dates) && !/[L#]/i.test(ofWeek)) {
    return { parts, special: null, hasDays: true, hasWeekdays: true }
  }
  const days = parted(dates, (item) => readDate(item, refuse))
  const weekdays = parted(ofWeek, (item) => readWeekday(item, refuse))
  const special: SpecialDays = {
    byDate: (day) => days.items.some(({ test }) => test(day)),
    byWeekday: (day) => weekdays.items.some(({ test }) => test(day)),
    hasDates: days.items.length > 0,
    datesInWords: days.items.map(({ words }) => words).join(' and '),
    weekdaysInWords: weekdays.items.map(({ words }) => words).join(' and '),
  }
  const left = parts
    .with(parts.length - 3, days.rest.join(',') || '*')
    .with(parts.length - 1, weekdays.rest.join(',') || '*')
  return { parts: left, special, hasDays: days.rest.length > 0, hasWeekdays: weekdays.rest.length > 0 }
}

/** The items of a field that `read` knows, and the text of the others. */
function parted(field: string, read: (item: string) => Item | null): { items: Item[]; rest: string[] } {
  const items: Item[] = []
  const rest = field.split(',').filter((text) => {
    const item = read(text.toUpperCase())
    if (item) items.push(item)
    return !item
  })
  return { items, rest }
}

function readDate(item: string, refuse: Refuse): Item | null {
  if (item === 'L') return { test: (day) => day.date === day.monthLength, words: 'the last day of the month' }
  if (item === 'LW' || item === 'WL')
    return {
      test: (day) => isNearest(day, day.monthLength),
      words: 'the last weekday (Monday to Friday) of the month',
    }
  const fromEnd = /^L-(\d{1,2})$/.exec(item)
  if (fromEnd) {
    const before = Number(fromEnd[1])
    if (before > 30) throw refuse(`${JSON.stringify(item)} is before the month begins`)
    const words = `${before} day${before === 1 ? '' : 's'} before the last day of the month`
    return { test: (day) => day.date === day.monthLength - before, words }
  }
  const nearest = /^(\d{1,2})W$/.exec(item)
  if (!nearest) return null
  const date = Number(nearest[1])
  if (date < 1 || date > 31) throw refuse(`day of month ${date} is out of range (1 to 31)`)
  return {
    test: (day) => date <= day.monthLength && isNearest(day, date),
    words: `the weekday (Monday to Friday) nearest to day ${date} of the month`,
  }
}

/** Whether the day is the one of Monday to Friday that is nearest to `date` and in the same month. */
function isNearest(day: Day, date: number): boolean {
  if (day.weekday === 0 || day.weekday === 6) return false
  const away = day.date - date
  if (away === 0) return true
  const itsWeekday = (day.weekday - away + 70) % 7
  if (itsWeekday === 6) return date === 1 ? away === 2 : away === -1
  if (itsWeekday === 0) return date === day.monthLength ? away === -2 : away === 1
  return false
}

function readWeekday(item: string, refuse: Refuse): Item | null {
  const groups = /^([0-7]|SUN|MON|TUE|WED|THU|FRI|SAT)(?:#(\d|L)|(?:L))$/.exec(item)
  if (!groups) {
    if (item === 'L')
      throw refuse('"L" alone as a weekday is Saturday in some crons; write "SAT", or "6#L" for the last one')
    return null
  }
  const [, name = '', nth = 'L'] = groups
  const weekday = /\d/.test(name) ? Number(name) % 7 : weekdayNames.indexOf(name)
  const full = fullNames[weekday] ?? ''
  if (nth === 'L') {
    const test = (day: Day) => day.weekday === weekday && day.date > day.monthLength - 7
    return { test, words: `the last ${full} of the month` }
  }
  const place = Number(nth)
  if (place < 1 || place > 5)
    throw refuse(`${JSON.stringify(item)} is not supported: a month has 1 to 5 of each weekday`)
  const test = (day: Day) => day.weekday === weekday && Math.ceil(day.date / 7) === place
  return { test, words: `the ${places[place]} ${full} of the month` }
}
