import type { JobOrder, OrderedAt } from '../db/index.ts'
import { AppError } from '../src/ground/errors.ts'
import { cursorFor, readCursor } from './cursor.ts'

/** `-next`: as it stands in an address. */
type OrderName = JobOrder['by'] | `-${JobOrder['by']}`

export function orderIn(name: OrderName): JobOrder {
  return { by: name.replace('-', '') as JobOrder['by'], isDescending: name.startsWith('-') }
}

/** Where a page in that order ends: a cursor of one order is not one of another. */
export function cursorIn(name: OrderName, { key, seq }: OrderedAt): string | null {
  return cursorFor('ordered jobs', `${name}.${seq}.${Buffer.from(key).toString('base64url')}`)
}

/** @throws AppError CURSOR_INVALID */
export function readOrdered(name: OrderName, cursor: string | undefined): OrderedAt | null {
  const text = readCursor('ordered jobs', cursor)
  if (text === null) return null
  const [order, seq, encoded = ''] = text.split('.')
  const key = Buffer.from(encoded, 'base64url').toString()
  if (order === name && isKey[orderIn(name).by].test(key)) return { key, seq: Number(seq) }
  throw new AppError('CURSOR_INVALID', 'cursor: use the next_cursor of an earlier page in the same order')
}

/** What Postgres reads as such: a cursor that was made up is refused, not answered 500. */
const isKey: Record<JobOrder['by'], RegExp> = {
  name: /^[^\0]*$/,
  next: /^-?\d{1,18}$/,
  state: /^\d$/,
}
