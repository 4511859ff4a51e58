/**
 * `OnCalendar` of systemd.time(7) with the parts that it may leave out, as the service reads it: with a date, a time and, if
 * there is one, the days of the week. The zone stands last. Null: not of its form.
 */
export function calendarOf(text: string): { schedule: string; timezone: string | null } | null {
  const tokens = text.trim().split(/\s+/)
  const zone = zoneForm.test(tokens.at(-1) ?? '') && tokens.length > 1 ? (tokens.pop() ?? null) : null
  const named = tokens.length === 1 ? nicknames[tokens[0]?.toLowerCase() ?? ''] : undefined
  if (named !== undefined) return { schedule: named, timezone: zone }
  const days = weekdayForm.test(tokens[0] ?? '')
    ? tokens.shift()?.replace(/,$/, '').replaceAll('-', '..')
    : undefined
  const date = /[-~]/.test(tokens[0] ?? '') ? tokens.shift() : undefined
  const time = tokens.shift()
  if (tokens.length > 0 || (time !== undefined && !isTime(time))) return null
  if (days === undefined && date === undefined && time === undefined) return null
  const whole = dateOf(date)
  if (whole === null) return null
  const schedule = [...(days === undefined ? [] : [days]), whole, timeOf(time)].join(' ')
  return { schedule, timezone: zone }
}

const zoneForm = /^(?:UTC|[A-Z][A-Za-z_]+\/[\w/+-]+)$/
const weekday = 'mon(?:day)?|tue(?:sday)?|wed(?:nesday)?|thu(?:rsday)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?'
const weekdayForm = new RegExp(`^(?:${weekday})(?:(?:\\.\\.|-|,)(?:${weekday}))*,?$`, 'i')

/** Parts of a second are not kept. */
const isTime = (text: string) => /^[\d*,./]+(?::[\d*,./]+){1,2}$/.test(text) && !/\d\.\d/.test(text)

const nicknames: Record<string, string> = {
  ...{ minutely: '*-*-* *:*:00', hourly: '*-*-* *:00:00', daily: '*-*-* 00:00:00' },
  ...{ weekly: 'Mon *-*-* 00:00:00', monthly: '*-*-01 00:00:00', quarterly: '*-01,04,07,10-01 00:00:00' },
  ...{ semiannually: '*-01,07-01 00:00:00', 'semi-annually': '*-01,07-01 00:00:00' },
  ...{ biannually: '*-01,07-01 00:00:00', 'bi-annually': '*-01,07-01 00:00:00' },
  ...{ yearly: '*-01-01 00:00:00', annually: '*-01-01 00:00:00', anually: '*-01-01 00:00:00' },
}

/** A year may be left out, and has two digits sometimes. */
function dateOf(date: string | undefined): string | null {
  if (date === undefined) return '*-*-*'
  const [, year = '*', rest = ''] = /^(?:([\d*,./]+)-)?([\d*,./]+[-~][\d*,./]+)$/.exec(date) ?? []
  return rest === '' ? null : `${year.replaceAll(/\b\d\d\b/g, century)}-${rest}`
}

// as strptime has it: 69 is 1969
const century = (digits: string) => (Number(digits) < 69 ? `20${digits}` : `19${digits}`)

function timeOf(time: string | undefined): string {
  if (time === undefined) return '00:00:00'
  return /:.*:/.test(time) ? time : `${time}:00`
}

/** A span of time of systemd.time(7), such as `1h 30min`, in milliseconds; null: not one. */
export function spanMs(text: string): number | null {
  if (/^\d+$/.test(text)) return Number(text) * 1_000
  const part = /\s*(\d+(?:\.\d+)?)\s*([A-Za-zµ]+)/y
  let ms = 0
  while (part.lastIndex < text.trimEnd().length) {
    const [, count = '', unit = ''] = part.exec(text) ?? []
    const unitMs = unitsMs.get(unit)
    if (unitMs === undefined) return null
    ms += Number(count) * unitMs
  }
  return ms
}

const day = 86_400_000
const unitsMs = new Map<string, number>(
  (
    [
      [0.001, 'us usec µs'],
      [1, 'ms msec'],
      [1_000, 's sec second seconds'],
      [60_000, 'm min minute minutes'],
      [3_600_000, 'h hr hour hours'],
      [day, 'd day days'],
      [7 * day, 'w week weeks'],
      [30.44 * day, 'M month months'],
      [365.25 * day, 'y year years'],
    ] as const
  ).flatMap(([ms, names]) => names.split(' ').map((name): [string, number] => [name, ms])),
)

/** `every 90m`; null: shorter than a second, or with a part of one. */
export function everyOf(ms: number): string | null {
  if (ms < 1_000 || ms % 1_000 !== 0) return null
  if (ms % 3_600_000 === 0) return `every ${ms / 3_600_000}h`
  return ms % 60_000 === 0 ? `every ${ms / 60_000}m` : `every ${ms / 1_000}s`
}
