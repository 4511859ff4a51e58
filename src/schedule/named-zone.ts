import { AppError } from '../ground/errors.ts'
import { checkZone } from './zone.ts'

/**
 * A schedule's text (null: it has none) and the zone to read it in. The text may begin with the zone, as in other crons
 * (`CRON_TZ=Europe/Berlin 0 9 * * *`, `TZ=…`): it counts if no zone is named beside it, and is taken off the text.
 *
 * `named`: the zone that was asked for beside the text; null: none. `usual`: the zone if neither names one.
 *
 * @throws AppError TIMEZONE_UNKNOWN; SCHEDULE_INVALID: the two name different zones
 */
export function readNamedZone<T extends string | null>(
  text: T,
  { named, usual }: { named: string | null; usual: string },
): { text: T | string; zone: string } {
  const [whole = '', variable = '', prefixed = ''] = prefix.exec(text ?? '') ?? []
  const rest = (text ?? '').slice(whole.length).trimStart()
  if (variable === '') return { text, zone: checkZone(named ?? usual) }
  const zone = checkZone(prefixed)
  if (named === null) return { text: rest, zone }
  const other = checkZone(named)
  if (isSame(zone, other)) return { text: rest, zone: other }
  throw new AppError(
    'SCHEDULE_INVALID',
    `The schedule has time zone ${zone} (${variable}=), and the job has ${other}. Name one of them.`,
  )
}

const prefix = /^\s*(CRON_TZ|TZ)=(\S*)/i

/** Links count as their targets: `US/Eastern` is `America/New_York`. */
function isSame(one: string, other: string): boolean {
  return new Temporal.ZonedDateTime(0n, one).equals(new Temporal.ZonedDateTime(0n, other))
}
