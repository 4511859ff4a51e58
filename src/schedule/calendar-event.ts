import { fieldText } from './fields-text.ts'
import { Misread } from './misread.ts'
import type { Resolved } from './resolved.ts'
import { weekdayNumbers } from './vocabulary.ts'

const form =
  /^(?:([a-z]+(?:(?:\.\.|,)[a-z]+)*),? ?)?([\d*,./]+-[\d*,./]+(?:[-~][\d*,./]+)?|\*-\*~[\d,]+)?(?:(?:^| )([\d*,./]+(?::[\d*,./]+){1,2}))?$/i

/**
 * `OnCalendar` of systemd.time(7): `Mon..Fri *-*-* 10:00:00`, `*-*-01 04:00`, `*:0/15`. Null: not of this form, or what
 * other forms have too (`10:00`, `Mon 10:00`, `2030-01-01 10:00`).
 *
 * @throws Misread: parts of it that are not read
 */
export function readCalendarEvent(text: string): Resolved | null {
  if (!/\.\.|[*\d]-\*|\*-|\*:|:\*|:\d+\/|^\d+\/\d+[-:]/.test(text)) return null
  const [matched, days, date, time = '00:00'] = form.exec(text) ?? []
  if (matched === undefined) return null
  const [year, month, day] = datesOf(date)
  const [hour = '*', minute = '*', second = '0'] = time.split(':')
  const weekdays = days === undefined ? [] : weekdaysOf(days)
  const times = [
    field(second, { least: 0, most: 59 }),
    field(minute, { least: 0, most: 59 }),
    field(hour, { least: 0, most: 23 }),
  ]
  const dates = dayField(day)
  const months = field(month, { least: 1, most: 12 })
  const isBoth = weekdays.length > 0 && dates !== '*'
  const weekday = weekdays.length === 0 || isBoth ? '*' : fieldText(weekdays, { size: 7 })
  const seconds = times[0] === '0' && year === '*' ? times.slice(1) : times
  const rule = [...seconds, dates, months, weekday, ...(year === '*' ? [] : [field(year, years)])].join(' ')
  // a day has to match both, and cron takes either: the other weekdays are left out
  const others = [0, 1, 2, 3, 4, 5, 6].filter((one) => !weekdays.includes(one))
  return {
    kind: 'rules',
    rules: [rule],
    except: isBoth && others.length > 0 ? [`* * * * * ${fieldText(others, { size: 7 })}`] : [],
  }
}

const years = { least: 1970, most: 2199 }

function datesOf(date: string | undefined): [year: string, month: string, day: string] {
  const parts = (date ?? '*-*-*').split(/-|(?=~)/)
  const [day = '*', month = '*', year = '*'] = parts.toReversed()
  return [year, month, day]
}

function weekdaysOf(text: string): number[] {
  return text
    .toLowerCase()
    .split(',')
    .flatMap((item) => {
      const [first = 0, last = first] = item.split('..').map((name) => {
        const day = weekdayNumbers.get(name)
        if (day === undefined)
          throw new Misread(name, 'is not a weekday', ['Mon..Fri *-*-* 10:00', 'Mon,Wed *-*-* 10:00'])
        return day
      })
      return Array.from({ length: ((last - first + 7) % 7) + 1 }, (_, index) => (first + index) % 7)
    })
}

/** `~1` is the last day of the month, `~3` two before it, `~7/1` each day from the seventh last on. */
function dayField(text: string): string {
  if (!text.startsWith('~')) return field(text, { least: 1, most: 31 })
  return text
    .slice(1)
    .split(',')
    .flatMap((item) => {
      const [, first, step] = /^(\d{1,2})(?:\/(\d{1,2}))?$/.exec(item) ?? []
      if (first === undefined || Number(step) === 0)
        throw new Misread(text, 'is not read; the last days are ~1, ~2 and so on', ['*-*~1 10:00'])
      return daysBack(Number(first), step === undefined ? null : Number(step))
    })
    .map((back) => (back === 1 ? 'L' : `L-${back - 1}`))
    .join(',')
}

/** A step goes on to the last day. */
function daysBack(first: number, step: number | null): number[] {
  if (step === null) return [first]
  return Array.from({ length: Math.ceil(first / step) }, (_, n) => first - n * step)
}

/** A list of values, `a..b`, and steps, as cron has them. */
function field(text: string, { least, most }: { least: number; most: number }): string {
  return text
    .split(',')
    .map((item) => {
      const groups = /^(?:\*|(\d+)(?:\.\.(\d+))?)(?:\/(\d+))?$/.exec(item)
      if (!groups) throw new Misread(item, 'is not a value, a span (1..7) or a step (0/15)', ['*-*-* 10:00'])
      const [, first, last, step] = groups
      if (step === undefined) return first === undefined ? '*' : span(first, last)
      const isWhole = first === undefined || (Number(first) === least && last === undefined)
      return isWhole ? `*/${Number(step)}` : `${span(first, last ?? String(most))}/${Number(step)}`
    })
    .join(',')
}

const span = (first: string, last: string | undefined) =>
  last === undefined ? String(Number(first)) : `${Number(first)}-${Number(last)}`
