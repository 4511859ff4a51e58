import { firstInstantAt } from './instant.ts'
import { localAt } from './local.ts'
import { Misread } from './misread.ts'
import type { At, Resolved } from './resolved.ts'
import { stepsText } from './steps.ts'

/**
 * `PT15M` (elapsed time), `P1D`, `P2W`, `P3M` (steps of the calendar), and `R/2026-12-01T09:00/P1D`, which begins there.
 * Null: not of this form.
 *
 * @throws Misread
 */
export function readIso(text: string, { now, zone }: At): Resolved | null {
  const repeating = /^R(-1|\d*)\/(?:([^/]+)\/)?(P[^/]+)$/i.exec(text)
  if (!repeating && !/^P(?=\d|T\d)[\dYMWDTHS.,]+$/i.test(text)) return null
  const [, times = '', start, given = text] = repeating ?? []
  if (/^\d+$/.test(times))
    throw new Misread(`R${times}`, 'says how often in all; give the job `repeat`, and write R alone', [
      text.replace(/^R\d+/i, 'R'),
    ])
  const duration = durationOf(given)
  const local = start === undefined ? null : startOf(start, zone)
  const { years, months, weeks, days, hours, minutes, seconds, milliseconds } = duration
  const ms = Temporal.Duration.from({ hours, minutes, seconds, milliseconds }).total('milliseconds')
  const units = (
    [
      ['year', years],
      ['month', months],
      ['week', weeks],
      ['day', days],
    ] as const
  ).filter(([, count]) => count > 0)
  const [unit] = units
  if (!unit) {
    if (ms < 1000 || ms % 1000 !== 0) throw new Misread(given, 'is not a whole number of seconds')
    const from = local && firstInstantAt(local, zone)
    return {
      kind: 'interval',
      everyMs: ms,
      ...(from && { from: new Date(from.epochMilliseconds).toISOString() }),
    }
  }
  if (units.length > 1 || ms > 0)
    throw new Misread(given, 'mixes units of the calendar with others', [
      ...(units.length === 1 && days > 0 && ms % 3_600_000 === 0 ? [`PT${days * 24 + ms / 3_600_000}H`] : []),
      `P${unit[1]}${unit[0][0]?.toUpperCase()}`,
    ])
  const first = local ?? localAt(now, zone).add(duration)
  const rule = stepsText({
    every: unit[1],
    unit: unit[0],
    first: first.toString({ smallestUnit: 'second' }),
  })
  return { kind: 'rules', rules: [rule], except: [] }
}

function durationOf(text: string): Temporal.Duration {
  try {
    return Temporal.Duration.from(text.toUpperCase())
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new Misread(text, 'is not an ISO 8601 duration', ['PT15M', 'P1D'])
  }
}

/** Local time in the zone, of text with or without an offset. */
function startOf(text: string, zone: string): Temporal.PlainDateTime {
  try {
    return /(Z|[+-]\d\d:?\d\d)$/i.test(text)
      ? Temporal.Instant.from(text).toZonedDateTimeISO(zone).toPlainDateTime()
      : Temporal.PlainDateTime.from(text)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new Misread(text, 'is not an ISO 8601 date and time', ['R/2030-01-01T09:00/P1D'])
  }
}
