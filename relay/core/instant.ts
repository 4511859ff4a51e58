const form =
  /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?([Zz]|[+-]\d\d(?::?\d\d)?)$/

/**
 * Epoch milliseconds of an ISO 8601 instant with an offset; null if the text is anything else. Parts of a millisecond
 * are cut off. Written out, because workerd has no Temporal.
 */
export function readInstant(text: unknown): number | null {
  const match = typeof text === 'string' ? form.exec(text) : null
  if (!match) return null
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0))
  const ms = Number((match[7] ?? '').padEnd(3, '0').slice(0, 3))
  const offset = readOffsetMs(match[8] ?? 'Z')
  if (month === undefined || day === undefined || second === undefined || offset === null) return null
  if (second > 60) return null
  // A leap second is the last of its minute, as in Temporal.
  const utc = Date.UTC(year ?? 0, month - 1, day, hour, minute, Math.min(second, 59), ms)
  const read = new Date(utc)
  const isReal =
    read.getUTCMonth() === month - 1 &&
    read.getUTCDate() === day &&
    read.getUTCHours() === hour &&
    read.getUTCMinutes() === minute
  return isReal ? utc - offset : null
}

function readOffsetMs(text: string): number | null {
  if (/^z$/i.test(text)) return 0
  const hours = Number(text.slice(1, 3))
  const minutes = Number(text.slice(3).replace(':', '') || 0)
  if (hours > 23 || minutes > 59) return null
  return (text.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000
}
