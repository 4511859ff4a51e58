import type { Changed, ChangedField } from '../../db/index.ts'
import { withEllipsis } from '../ground/text.ts'

/** Characters of a value, and of all values of a change: an entry is read beside a hundred others. */
const valueMost = 2_000
const allMost = 16_000

/** What is kept of a change: each value cut at its end, and fields left out if there are too many. */
export function boundedChange(fields: readonly ChangedField[]): Changed {
  const kept: ChangedField[] = []
  let size = 0
  for (const one of fields) {
    const bounded = { ...one, before: boundedValue(one.before), after: boundedValue(one.after) }
    size += JSON.stringify(bounded).length
    if (size > allMost) break
    kept.push(bounded)
  }
  return { fields: kept, leftOut: fields.length - kept.length }
}

/** A value that is too long is the beginning of its text. */
function boundedValue(value: unknown): unknown {
  const text = typeof value === 'string' ? value : JSON.stringify(value ?? null)
  return text.length > valueMost ? withEllipsis(text, valueMost) : (value ?? null)
}
