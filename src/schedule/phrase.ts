/**
 * Cron for a phrase of days and one time: `every weekday at 9am`, `monday and friday at 5pm`, `daily at 14:30`.
 * Null: not such a phrase. `text` is trimmed, with single spaces; capitals do not matter.
 */
export function readPhrase(text: string): string | null {
  const phrase = /^(?:every )?([a-z, &]+?),? (?:at )?(noon|midnight|\d[\d:]* ?(?:am|pm)?)$/.exec(
    text.toLowerCase(),
  )
  const days = phrase?.[1] && readDays(phrase[1])
  const time = phrase?.[2] && readTime(phrase[2])
  return days && time ? `${time} * * ${days}` : null
}

const weekdays = new Map(
  [
    ['sun', 'sunday'],
    ['mon', 'monday'],
    ['tue', 'tues', 'tuesday'],
    ['wed', 'weds', 'wednesday'],
    ['thu', 'thur', 'thurs', 'thursday'],
    ['fri', 'friday'],
    ['sat', 'saturday'],
  ].flatMap((names, number) => names.map((name) => [name, number] as const)),
)

const groups = new Map([
  ['day', '*'],
  ['daily', '*'],
  ['weekday', '1-5'],
  ['weekdays', '1-5'],
  ['weekend', '0,6'],
  ['weekends', '0,6'],
])

/** The cron field for the days named; null: one of them is not a day. */
function readDays(text: string): string | null {
  const group = groups.get(text)
  if (group) return group
  const numbers = new Set<number>()
  for (const name of text.split(/ ?, ?and | ?, ?| and | ?& ?/)) {
    const number = weekdays.get(name) ?? weekdays.get(name.replace(/days$/, 'day'))
    if (number === undefined) return null
    numbers.add(number)
  }
  return numbers.size === 7 ? '*' : [...numbers].toSorted((a, b) => a - b).join(',')
}

/** The minute and hour fields; null: no such time of day (25am, 13pm, 24:00). */
function readTime(text: string): string | null {
  if (text === 'noon') return '0 12'
  if (text === 'midnight') return '0 0'
  const clock = /^(\d{1,2})(?::([0-5]\d))? ?(am|pm)?$/.exec(text)
  if (!clock) return null
  const hour = Number(clock[1])
  const half = clock[3]
  if (half ? hour < 1 || hour > 12 : hour > 23) return null
  const hourOfDay = half ? (hour % 12) + (half === 'pm' ? 12 : 0) : hour
  return `${Number(clock[2] ?? 0)} ${hourOfDay}`
}
