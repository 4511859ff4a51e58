import { useEffect, useState } from 'preact/hooks'

/** The zone of the one who reads. */
export const readersZone = Intl.DateTimeFormat().resolvedOptions().timeZone
const locale = navigator.language
/** `America/New_York`: New York. */
export const cityOf = (zone: string): string => zone.split('/').at(-1)?.replaceAll('_', ' ') ?? zone

const formats = new Map<string, Intl.DateTimeFormat>()
function format(zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = zone + JSON.stringify(options)
  const known = formats.get(key)
  if (known) return known
  const made = new Intl.DateTimeFormat(locale, { timeZone: zone, ...options })
  formats.set(key, made)
  return made
}

const clock = { hour: '2-digit', minute: '2-digit' } as const
const date = { weekday: 'short', day: 'numeric', month: 'short' } as const

/** An instant in the reader's locale, or in `zone`: the time alone if it is today's, soon with its weekday, else its date. */
export function instantText(at: string | Date, { zone = readersZone, seconds = false } = {}): string {
  const instant = new Date(at)
  const time = seconds ? { ...clock, second: '2-digit' as const } : clock
  const day = format(zone, { dateStyle: 'short' })
  if (day.format(instant) === day.format(new Date())) return format(zone, time).format(instant)
  const inMs = instant.getTime() - Date.now()
  if (inMs > 0 && inMs < 6 * 86_400_000) return format(zone, { weekday: 'short', ...time }).format(instant)
  const isFar = Math.abs(inMs) > 300 * 86_400_000
  return format(zone, { ...date, ...(isFar ? { year: 'numeric' as const } : {}), ...time }).format(instant)
}

/** The time of the day in a zone. */
export const clockText = (at: string | Date, zone: string): string => format(zone, clock).format(new Date(at))

const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'short' })
const units = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
] as const

/** "in 5 min", "2 days ago". From a day on days of the reader's calendar are counted: what comes the day after next is not "tomorrow". */
export function relativeText(at: string | Date, now = Date.now()): string {
  const instant = new Date(at)
  const ms = instant.getTime() - now
  const [unit, size] = units.find(([, least]) => Math.abs(ms) >= least) ?? units[3]
  if (unit === 'day') return relative.format(Math.round((dayOf(instant) - dayOf(new Date(now))) / size), unit)
  return relative.format(Math.trunc(ms / size), unit)
}

const dayOf = (at: Date): number => Date.UTC(at.getFullYear(), at.getMonth(), at.getDate())

type WhenProps = {
  at: string | Date | null | undefined
  /** The zone of the job: shown on hover, if it is another one than the reader's. */
  zone?: string | undefined
  /** "in 5 min" in place of the time. */
  relative?: boolean
  seconds?: boolean
}

/** An instant in the reader's locale; on hover in full, and in the zone of the job. */
export function When({ at, zone, relative: isRelative = false, seconds = false }: WhenProps) {
  useSeconds(isRelative)
  if (!at) return <span class="quiet">–</span>
  const instant = new Date(at)
  const full = format(readersZone, { dateStyle: 'full', timeStyle: 'long' }).format(instant)
  const there =
    zone && zone !== readersZone ? `\n${instantText(instant, { zone, seconds: true })} in ${zone}` : ''
  return (
    <time class="when" dateTime={instant.toISOString()} title={full + there}>
      {isRelative ? relativeText(instant) : instantText(instant, { seconds })}
    </time>
  )
}

/** Shows the component again each second while `isOn`. */
export function useSeconds(isOn: boolean): void {
  const [, again] = useState(0)
  useEffect(() => {
    if (!isOn) return undefined
    const timer = setInterval(() => again((count) => count + 1), 1_000)
    return () => clearInterval(timer)
  }, [isOn])
}

/** 850 ms, 12.4 s, 3 min 5 s, 2 h 10 min. */
export function durationText(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`
  const [big, small, one, other] = unitsOf(ms)
  const rest = Math.floor((ms % big) / small)
  return `${Math.floor(ms / big)} ${one}${rest ? ` ${rest} ${other}` : ''}`
}

/** The same in one unit: 13 min. */
export const shortText = (ms: number): string => durationText(ms).split(' ').slice(0, 2).join(' ')

function unitsOf(ms: number): [big: number, small: number, one: string, other: string] {
  if (ms < 3_600_000) return [60_000, 1_000, 'min', 's']
  return ms < 86_400_000 ? [3_600_000, 60_000, 'h', 'min'] : [86_400_000, 3_600_000, 'd', 'h']
}

export function Duration({ ms }: { ms: number | null | undefined }) {
  return ms === null || ms === undefined ? (
    <span class="quiet">–</span>
  ) : (
    <span class="when">{durationText(ms)}</span>
  )
}
