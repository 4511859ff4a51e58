const daysWord = '(?:d|days?)'
const hoursWord = '(?:h|hrs?|hours?)'
const minutesWord = '(?:m|mins?|minutes?)'
const secondsWord = '(?:s|secs?|seconds?)'
const part = (word: string) => `(?:(\\d{1,9}(?:\\.\\d{1,3})?) ?${word})?`
const compound = new RegExp(
  `^${part(daysWord)} ?${part(hoursWord)} ?${part(minutesWord)} ?${part(secondsWord)}$`,
  'i',
)

const unitSeconds = new Map([
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
])

/** No job waits longer; it also keeps every sum inside the range of Date. */
export const longestDurationMs = 36_525 * 86_400_000

/**
 * `30m`, `45 min`, `90s`, `1h30m`, `1.5 hours`, or a unit alone (`hour`: one hour), in ms. Units go from large to small,
 * each at most once. May be 0. Null: not a duration. `text` is trimmed, with single spaces.
 */
export function readDuration(text: string): number | null {
  const one = unitSeconds.get(text.toLowerCase())
  if (one !== undefined) return one * 1000
  const groups = text === '' ? null : compound.exec(text)
  if (!groups) return null
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = groups.slice(1).map((digits) => Number(digits ?? 0))
  return Math.round((days * 86_400 + hours * 3_600 + minutes * 60 + seconds) * 1000)
}
