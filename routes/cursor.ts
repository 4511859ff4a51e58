import { AppError } from '../src/ground/errors.ts'

type List = 'jobs' | 'runs' | 'audit' | 'deliveries'

/** An opaque cursor for `nextBefore` of a page; null on the last page. A cursor of one list is not one of another. */
export function cursorFor(list: List, nextBefore: number | null): string | null {
  return nextBefore === null ? null : Buffer.from(`${list}:${nextBefore}`).toString('base64url')
}

/** @throws AppError CURSOR_INVALID */
export function readCursor(list: List, cursor: string | undefined): number | null {
  if (cursor === undefined) return null
  const [name, position = ''] = Buffer.from(cursor, 'base64url').toString().split(':')
  if (name === list && /^\d{1,15}$/.test(position)) return Number(position)
  throw new AppError('CURSOR_INVALID', 'cursor: use the next_cursor of an earlier page, or leave it out')
}
