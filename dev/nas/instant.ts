export { readInstant } from '../../relay/core/index.ts'

const unitMs: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `90`, `90ms`, `5s`, `2m`, `1h`, `7d`, each with an optional sign, as a number (of milliseconds); null if it is anything else. */
export function readAmount(text: string): number | null {
  const [, digits, unit] = /^([+-]?\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text) ?? []
  return digits === undefined ? null : Number(digits) * (unitMs[unit ?? 'ms'] ?? 1)
}

/** The instant as ISO 8601 text with `offset` (`Z`, `+00:00`, `+05:30`). */
export function writeInstant(instantMs: number, offset = 'Z'): string {
  const utc = new Date(instantMs).toISOString()
  if (offset === 'Z') return utc
  const [, sign, hours, minutes] = /^([+-])(\d\d):(\d\d)$/.exec(offset) ?? []
  const offsetMs = (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000
  return new Date(instantMs + offsetMs).toISOString().replace('Z', offset)
}

/** How far ahead or back `ms` is, in one unit, for people: `in 90 s`, `3 h ago`. */
export function sayDistance(ms: number): string {
  const size = Math.abs(ms)
  const [unit, divisor]: [string, number] =
    size < 1_000
      ? ['ms', 1]
      : size < 120_000
        ? ['s', 1_000]
        : size < 7_200_000
          ? ['min', 60_000]
          : ['h', 3_600_000]
  const amount = `${Math.round(size / divisor)} ${unit}`
  return ms >= 0 ? `in ${amount}` : `${amount} ago`
}
