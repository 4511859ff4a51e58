import { AppError } from '../ground/errors.ts'
import { beginningOf } from '../ground/text.ts'

/** A stretch of time in which a zone keeps one offset. All times in ms; "local" ones as if they were UTC. */
export type Stretch = {
  /** First instant, inclusive; -Infinity: the zone never had another offset before. */
  from: number
  /** Exclusive; Infinity: no further change is known. */
  until: number
  /** Local time minus UTC. */
  offsetMs: number
  /**
   * Where the clock stood when the stretch before this one ended. Later than this stretch's own local start: the
   * clock went back, and local times up to here are a second passing. Earlier: the ones between were skipped.
   */
  previousLocalEnd: number
  /** Where the clock stands when the next stretch begins; Infinity: no further change is known. */
  nextLocalStart: number
}

/**
 * The IANA name in its proper capitals (`europe/berlin` → `Europe/Berlin`). Links stay as given (`US/Eastern`):
 * a client reads back its own text. Bare offsets are refused, because they do not follow clock changes.
 *
 * @throws AppError TIMEZONE_UNKNOWN
 */
export function checkZone(zone: string): string {
  if (/^[a-z]/i.test(zone) && zone.length <= 64) {
    try {
      return new Temporal.ZonedDateTime(0n, zone).timeZoneId
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
    }
  }
  const given = JSON.stringify(beginningOf(zone, 64))
  throw new AppError(
    'TIMEZONE_UNKNOWN',
    `The time zone ${given} is not known. Use an IANA name such as "Europe/Berlin".`,
  )
}

/** The stretch of `zone` that contains the instant (ms). */
export function stretchAt(zone: string, instant: number): Stretch {
  if (zone === 'UTC') return utc
  const known = stretches.get(zone) ?? []
  const found = known.find((stretch) => stretch.from <= instant && instant < stretch.until)
  if (found) return found
  const stretch = findStretch(zone, instant)
  if (known.length >= keptPerZone) known.shift()
  known.push(stretch)
  stretches.set(zone, known)
  return stretch
}

// Most jobs have no other zone, and need not wait a millisecond for Temporal to load.
const utc: Stretch = {
  ...{ from: -Infinity, until: Infinity, offsetMs: 0 },
  ...{ previousLocalEnd: -Infinity, nextLocalStart: Infinity },
}

// A look-up in the zone database takes some 20 µs, and a job asks for the same two or three stretches for ever.
const stretches = new Map<string, Stretch[]>()
const keptPerZone = 32

// One day inside the range of Date, so that a local time never leaves it.
const instantLimit = 8.64e15 - 86_400_000

function findStretch(zone: string, instant: number): Stretch {
  checkZone(zone)
  const within = Math.max(-instantLimit, Math.min(instantLimit, instant))
  // 'previous' looks strictly before: from one ns later, a change at this very instant is found.
  const here = new Temporal.ZonedDateTime(BigInt(within) * 1_000_000n + 1n, zone)
  const start = here.getTimeZoneTransition('previous')
  const from = start?.epochMilliseconds ?? -Infinity
  const next = here.getTimeZoneTransition('next')
  const until = next?.epochMilliseconds ?? Infinity
  const offsetMs = here.offsetNanoseconds / 1e6
  const offsetBeforeMs = start ? start.subtract({ nanoseconds: 1 }).offsetNanoseconds / 1e6 : 0
  const nextLocalStart = next ? until + next.offsetNanoseconds / 1e6 : Infinity
  return { from, until, offsetMs, previousLocalEnd: from + offsetBeforeMs, nextLocalStart }
}
