import { fieldText } from './fields-text.ts'
import { Misread } from './misread.ts'
import type { Recurrence } from './rrule-parts.ts'

/** Cron's three day fields (`date month weekday`) for a rule without steps of days or weeks; more than one: either. */
export function daysOfRule(found: Recurrence): string[] {
  const { freq, by, weekdays, start } = found
  const months = monthsOf(found)
  const month = months ? fieldText(months, { size: 12, least: 1 }) : '*'
  const setPosition = by.BYSETPOS
  if (setPosition) return [`${endsOfWeekdays(found)} ${month} *`]
  if (by.BYMONTHDAY) return [`${by.BYMONTHDAY.map(dateItem).join(',')} ${month} *`]
  if (weekdays.length > 0) return [`* ${month} ${weekdays.map((day) => weekdayItem(day, found)).join(',')}`]
  if (freq === 'DAILY') return [`* ${month} *`]
  if (freq === 'WEEKLY') return [`* ${month} ${start.dayOfWeek % 7}`]
  return [`${start.day} ${month} *`]
}

/** Null: all. */
function monthsOf({ freq, by, interval, start, weekdays }: Recurrence): number[] | null {
  if (freq === 'YEARLY') {
    if (by.BYMONTH) return by.BYMONTH
    if (weekdays.some(({ place }) => place !== null))
      throw new Misread('BYDAY', 'with a number needs BYMONTH in FREQ=YEARLY')
    return by.BYMONTHDAY || weekdays.length > 0 ? null : [start.month]
  }
  if (freq !== 'MONTHLY' || interval === 1) return by.BYMONTH ?? null
  if (12 % interval !== 0) throw new Misread('INTERVAL', 'of FREQ=MONTHLY has to go into 12 without a rest')
  const named = Array.from(
    { length: 12 / interval },
    (_, index) => ((start.month - 1 + index * interval) % 12) + 1,
  )
  const months = by.BYMONTH?.filter((month) => named.includes(month)) ?? named
  if (months.length === 0) throw new Misread('BYMONTH', 'has no month that INTERVAL comes to')
  return months
}

/** `-1` is the last day, `-3` two before it. */
function dateItem(day: number): string {
  if (day > 0) return String(day)
  return day === -1 ? 'L' : `L-${-day - 1}`
}

function weekdayItem({ weekday, place }: Recurrence['weekdays'][number], { freq }: Recurrence): string {
  if (place === null) return String(weekday)
  if (freq === 'DAILY' || freq === 'WEEKLY') throw new Misread('BYDAY', `may have no number in FREQ=${freq}`)
  if (place === -1) return `${weekday}#L`
  if (place < 1 || place > 5)
    throw new Misread('BYDAY', `with the number ${place} is not supported (1 to 5, or -1)`)
  return `${weekday}#${place}`
}

/** `BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1`: the last weekday of the month, or the first. Other sets are refused. */
function endsOfWeekdays({ by, weekdays }: Recurrence): string {
  const days = weekdays.map(({ weekday }) => weekday).toSorted((a, b) => a - b)
  const [position, ...more] = by.BYSETPOS ?? []
  const isWeek = days.join() === '1,2,3,4,5' && !by.BYMONTHDAY
  if (!isWeek || more.length > 0 || (position !== 1 && position !== -1))
    throw new Misread('BYSETPOS', 'is supported as 1 or -1 of BYDAY=MO,TU,WE,TH,FR only')
  return position === 1 ? '1W' : 'LW'
}
