import type { SaidTime } from './said-times.ts'
import type { Unit } from './vocabulary.ts'

/** A day that a phrase names once. */
export type SaidDate =
  | { kind: 'date'; year: number | null; month: number; day: number }
  | { kind: 'ahead'; days: number }
  | { kind: 'weekday'; weekday: number; isNextWeek: boolean }

/** What a phrase has said so far, in whatever order its parts stood. */
export type Frame = {
  /** `isOther`: "every other hour", which keeps to whole hours as cron does; "every 2 hours" counts from the start. */
  every: { count: number; unit: Unit; isOther: boolean } | null
  /** Sorted, from 0 = Sunday. */
  weekdays: number[] | null
  /** "on friday", not "on fridays". */
  isOnce: boolean
  /** Items of cron's field of the day of month: `1`, `L`, `LW`. */
  dates: string[]
  /** Items of cron's weekday field: `1#1`, `5#L`. */
  nth: string[]
  months: number[]
  times: SaidTime[]
  /** Minutes of each hour. */
  minutes: number[]
  /** Seconds of the day; `to` before `from`: past midnight. */
  window: { from: number; to: number } | null
  startingAt: number | null
  /** `morning`, `evening`; it says no time. */
  part: string | null
  date: SaidDate | null
  /** From now on. */
  delay: Temporal.Duration | null
  /** As an `expr` has them. */
  except: string[]
  /** Local, as an `expr` has them. */
  from: string | null
  until: string | null
}

export function emptyFrame(): Frame {
  return {
    ...{ every: null, weekdays: null, isOnce: false, dates: [], nth: [], months: [], times: [], minutes: [] },
    ...{ window: null, startingAt: null, part: null, date: null, delay: null, except: [] },
    ...{ from: null, until: null },
  }
}
