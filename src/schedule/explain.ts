import { type CronFields, readCron } from './cron.ts'
import { splitExpr } from './expr-parts.ts'
import type { Schedule } from './slots.ts'
import { readSteps } from './steps.ts'

/**
 * The schedule in English words: `at 09:00, on Monday to Friday (Europe/Berlin)`. For people; the wording may change.
 * From what has been read, so that it says what is done (docs/decisions/by-hand.md).
 */
export function explain(schedule: Schedule, zone: string): string {
  if (schedule.kind === 'interval') {
    const start = schedule.from === undefined ? '' : `, from ${localText(new Date(schedule.from), zone)} on`
    return `every ${inUnits(schedule.everyMs)}${start}`
  }
  if (schedule.kind === 'after') return schedule.display
  if (schedule.kind === 'once') return `once, at ${localText(schedule.runAt, zone)}`
  const { rules, except, from, until, skipped, repeated } = splitExpr(schedule.expr)
  const left = except.map((text) =>
    /^\d{4}-/.test(text) ? text.replaceAll('..', ' to ') : ruleInWords(text),
  )
  const parts = [
    rules.map(ruleInWords).join('; and '),
    ...(left.length > 0 ? [`except ${left.join(' and ')}`] : []),
    ...(from === null ? [] : [`from ${spaced(from)} on`]),
    ...(until === null ? [] : [`until ${spaced(until)}`]),
    ...(skipped === null ? [] : [skippedWords[skipped]]),
    ...(repeated === null ? [] : [repeatedWords[repeated]]),
  ]
  return `${parts.join(', ')} (${zone})`
}

const skippedWords = {
  next: 'a time that the clock skips is due right after the gap',
  skip: 'a time that the clock skips is left out',
}
const repeatedWords = {
  first: 'a time that comes twice is due the first time',
  second: 'a time that comes twice is due the second time',
  both: 'a time that comes twice is due both times',
}

const spaced = (local: string) => local.replace('T', ' ')

function localText(at: Date, zone: string): string {
  return at.toTemporalInstant().toZonedDateTimeISO(zone).toString()
}

function ruleInWords(text: string): string {
  const said = readSteps(text)
  if (said) {
    const { every, unit, first } = said
    return `every ${every === 1 ? unit : `${every} ${unit}s`} at the local time of ${spaced(first)}`
  }
  if (/^\d{4}-/.test(text)) return `at ${spaced(text)}`
  const fields = readCron(text)
  const isDays = fields.seconds.length * fields.minutes.length * fields.hours.length === 86_400
  const parts = [
    isDays ? '' : timeInWords(fields),
    daysInWords(fields),
    monthsInWords(fields),
    fields.years ? `in ${runs([...fields.years], String)}` : '',
  ].filter((part) => part !== '')
  return parts.join(', ') || 'every second'
}

const weekdayNames = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const monthNames =
  'January February March April May June July August September October November December'.split(' ')

function inUnits(ms: number): string {
  const units = [
    ['day', Math.floor(ms / 86_400_000)],
    ['hour', Math.floor(ms / 3_600_000) % 24],
    ['minute', Math.floor(ms / 60_000) % 60],
    ['second', (ms / 1000) % 60],
  ] as const
  return units
    .flatMap(([unit, count]) => (count ? [`${count} ${unit}${count === 1 ? '' : 's'}`] : []))
    .join(' ')
}

function timeInWords({ hours, minutes, seconds }: CronFields): string {
  const onTheMinute = seconds.length === 1 && seconds[0] === 0
  if (seconds.length * minutes.length * hours.length <= 6)
    return `at ${timesOfDay({ hours, minutes, seconds })}`
  const second = onTheMinute ? '' : `${steps(seconds, { unit: 'second', size: 60 })} `
  const minute = onTheMinute || minutes.length < 60 ? `${steps(minutes, { unit: 'minute', size: 60 })} ` : ''
  const hour =
    hours.length === 24 && minutes.length === 60 ? '' : `of ${steps(hours, { unit: 'hour', size: 24 })}`
  const words = `${second}${second && minute ? 'of ' : ''}${minute}${hour}`.trim()
  return words.startsWith('every') ? words : `at ${words}`
}

function timesOfDay({ hours, minutes, seconds }: Pick<CronFields, 'hours' | 'minutes' | 'seconds'>): string {
  const two = (value: number) => String(value).padStart(2, '0')
  const times = hours.flatMap((hour) =>
    minutes.flatMap((minute) =>
      seconds.map((second) => `${two(hour)}:${two(minute)}${second ? `:${two(second)}` : ''}`),
    ),
  )
  return listed(times)
}

/** `every minute`, `every 15 minutes`, `minutes 5 and 35`. */
function steps(values: number[], { unit, size }: { unit: string; size: number }): string {
  if (values.length === size) return `every ${unit}`
  const step = size / values.length
  if (values.length > 1 && values.every((value, index) => value === index * step))
    return `every ${step} ${unit}s`
  return `${unit}${values.length === 1 ? '' : 's'} ${runs(values, String)}`
}

function daysInWords(fields: CronFields): string {
  const numbers = fields.days.flatMap((named, day) => (named ? [day] : []))
  const last = fields.special?.datesInWords ?? ''
  const numbered = numbers.length > 0 ? `day ${runs(numbers, String)} of the month` : ''
  const ofMonth = fields.everyDay ? '' : `on ${[numbered, last].filter(Boolean).join(' and ')}`
  const weekdays = fields.weekdays.flatMap((named, day) => (named ? [day] : []))
  const special = fields.special?.weekdaysInWords ?? ''
  const named = runs(weekdays, (day) => weekdayNames[day] ?? '')
  const ofWeek = fields.everyWeekday ? '' : `on ${[named, special].filter(Boolean).join(' and ')}`
  if (!ofMonth || !ofWeek) return ofMonth || ofWeek
  return fields.eitherDay
    ? `${ofMonth} or ${ofWeek} (either is enough)`
    : `${ofMonth} and ${ofWeek} (both have to match)`
}

function monthsInWords({ months }: CronFields): string {
  const named = months.flatMap((isNamed, month) => (isNamed ? [month] : []))
  return named.length === 12 ? '' : `in ${runs(named, (month) => monthNames[month - 1] ?? '')}`
}

/** Numbers with three or more in a row drawn together: `1, 5 and 9 to 17`. */
function runs(values: number[], name: (value: number) => string): string {
  const texts: string[] = []
  for (let start = 0; start < values.length; ) {
    let end = start
    while (values[end + 1] === (values[end] ?? 0) + 1) end += 1
    if (end - start < 2) end = start
    const [first = 0, last = 0] = [values[start], values[end]]
    texts.push(end > start ? `${name(first)} to ${name(last)}` : name(first))
    start = end + 1
  }
  return listed(texts)
}

function listed(texts: string[]): string {
  return texts.length < 2 ? texts.join('') : `${texts.slice(0, -1).join(', ')} and ${texts.at(-1)}`
}
