import type { DayRule } from './calendar.ts'
import type { Day } from './day.ts'
import { listOf, type Times, timesOfList } from './times.ts'

/**
 * Days with the times of any of `rules`, less those of `except`. Which of them name a day decides what its times are, so
 * they are worked out once for each such choice and not for each day.
 */
export function combine(rules: DayRule[], except: DayRule[]): DayRule {
  const own = {}
  return {
    timesOn(day) {
      const [named, chosen] = namedOn(rules, day)
      if (named.length === 0) return null
      const [left, leftOut] = namedOn(except, day)
      if (left.some(isWholeDay)) return null
      const [only] = named
      if (named.length === 1 && only && left.length === 0) return only
      return kept(own, chosen + leftOut * 2 ** rules.length, () => less(named, left))
    },
    mayIn: (day) => rules.some((rule) => rule.mayIn?.(day) ?? true),
  }
}

/** The times of those that name the day, and which these are (bits). */
function namedOn(rules: DayRule[], day: Day): [named: Times[], bits: number] {
  const named: Times[] = []
  let bits = 0
  for (const [index, rule] of rules.entries()) {
    const times = rule.timesOn(day)
    if (!times) continue
    named.push(times)
    bits += 2 ** index
  }
  return [named, bits]
}

const wholeDay = 86_400
const isWholeDay = ({ perDay }: Times) => perDay === wholeDay

function less(named: Times[], leftOut: Times[]): Times | null {
  const all = new Set(named.flatMap(listOf))
  for (const times of leftOut) for (const time of listOf(times)) all.delete(time)
  return all.size === 0 ? null : timesOfList([...all].toSorted((a, b) => a - b))
}

/** Of all combined rules together, so that lists of seconds cannot fill the memory. */
let lists = new WeakMap<object, Map<number, Times | null>>()
let listed = 0
const mostListed = 2_000_000

function kept(owner: object, bits: number, make: () => Times | null): Times | null {
  const known = lists.get(owner)?.get(bits)
  if (known !== undefined) return known
  const times = make()
  listed += times?.perDay ?? 1
  if (listed > mostListed) {
    lists = new WeakMap()
    listed = times?.perDay ?? 1
  }
  const ofOwner = lists.get(owner) ?? new Map<number, Times | null>()
  lists.set(owner, ofOwner.set(bits, times))
  return times
}
