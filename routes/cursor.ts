import { AppError } from '../src/ground/errors.ts'

/** What a position of each list looks like: the number of a row, a name or an id. */
const positions = {
  jobs: Number,
  'ordered jobs': /^-?[a-z]+\.\d{1,15}\.[A-Za-z0-9_-]{0,1100}$/,
  runs: /^\d{1,16}\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  audit: Number,
  deliveries: Number,
  slots: Number,
  channels: /^[a-z0-9][a-z0-9_-]{0,62}$/,
  keys: /^[0-9a-f]{12}$/,
  secrets: /^[A-Z][A-Z0-9_]{0,63}$/,
} as const
type List = keyof typeof positions
type Position<L extends List> = (typeof positions)[L] extends RegExp ? string : number

/** An opaque cursor for the `next` of a page; null on the last page. A cursor of one list is not one of another. */
export function cursorFor<L extends List>(list: L, next: Position<L> | null): string | null {
  return next === null ? null : Buffer.from(`${list}:${next}`).toString('base64url')
}

/** @throws AppError CURSOR_INVALID */
export function readCursor<L extends List>(list: L, cursor: string | undefined): Position<L> | null {
  if (cursor === undefined) return null
  const [name, text = ''] = Buffer.from(cursor, 'base64url').toString().split(':')
  const form = positions[list]
  const isNumbered = form === Number
  if (name === list && (isNumbered ? /^\d{1,15}$/ : (form as RegExp)).test(text))
    return (isNumbered ? Number(text) : text) as Position<L>
  throw new AppError('CURSOR_INVALID', 'cursor: use the next_cursor of an earlier page, or leave it out')
}
