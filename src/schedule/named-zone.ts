import { AppError } from '../ground/errors.ts'
import { checkZone } from './zone.ts'

/**
 * A schedule's text (null: it has none) and the zone to read it in. The text may begin with the zone, as in other crons
 * (`CRON_TZ=Europe/Berlin 0 9 * * *`, `TZ=…`), or have it among its words (`every day at 9am Europe/Paris`): it counts if no zone is named beside it, and is taken off the text.
 *
 * `named`: the zone that was asked for beside the text; null: none. `usual`: the zone if neither names one.
 *
 * @throws AppError TIMEZONE_UNKNOWN; SCHEDULE_INVALID: the two name different zones
 */
export function readNamedZone<T extends string | null>(
  text: T,
  { named, usual }: { named: string | null; usual: string },
): { text: T | string; zone: string } {
  const found = text === null ? null : (prefixed(text) ?? spoken(text))
  if (!found) return { text, zone: checkZone(named ?? usual) }
  const { rest, variable } = found
  const zone = checkZone(found.zone)
  if (named === null) return { text: rest, zone }
  const other = checkZone(named)
  if (isSame(zone, other)) return { text: rest, zone: other }
  throw new AppError(
    'SCHEDULE_INVALID',
    `The schedule has time zone ${zone} (${variable}), and the job has ${other}. Name one of them.`,
  )
}

type Found = { zone: string; rest: string; variable: string }

function prefixed(text: string): Found | null {
  const [whole = '', variable, zone = ''] = /^\s*(CRON_TZ|TZ)=(\S*)/i.exec(text) ?? []
  return variable ? { zone, rest: text.slice(whole.length).trimStart(), variable: `${variable}=` } : null
}

const words = /(?:^|\s)(?:in )?([A-Za-z_]+(?:\/[A-Za-z0-9_+-]+)+|UTC|GMT)(?: time)?(?=[\s,;]|$)/gi
const ofCalendar = /DTSTART;TZID=([^:\s]+)(?=:)/i

/** `every day at 9am Europe/Paris`, and `DTSTART;TZID=Europe/Paris:…` of iCalendar. A name that is no zone stays where it is. */
function spoken(text: string): Found | null {
  const [calendar, ofStart] = ofCalendar.exec(text) ?? []
  if (calendar && ofStart)
    return { zone: ofStart, rest: text.replace(calendar, 'DTSTART'), variable: 'TZID=' }
  for (const [whole, zone = ''] of text.matchAll(words)) {
    const rest = text.replace(whole, '').replace(/\s+/g, ' ').trim()
    if (rest !== '' && isZone(zone)) return { zone, rest, variable: 'in its text' }
  }
  return null
}

function isZone(name: string): boolean {
  try {
    return checkZone(name) !== ''
  } catch (error) {
    if (error instanceof AppError) return false
    throw error
  }
}

/** Links count as their targets: `US/Eastern` is `America/New_York`. */
function isSame(one: string, other: string): boolean {
  return new Temporal.ZonedDateTime(0n, one).equals(new Temporal.ZonedDateTime(0n, other))
}
