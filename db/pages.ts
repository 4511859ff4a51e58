/** A page of a list, in the list's order. `next`: where the page after it goes on; null: there is none. */
export type Page<T, At = number> = { items: T[]; next: At | null }
/** `after` (exclusive): the `next` of the page before; null: from the beginning. */
export type PageWish<At = number> = { after: At | null; limit: number }

/** V8 has 112 MB for everything (Dockerfile), and a row may have more than 256 KiB. */
const mostPageBytes = 2 * 1024 * 1024
const rowsAtOnce = 25
const rowsAtFirst = 8

/**
 * A page of at most `limit` rows and about 2 MiB, but always of one row if there is one. It is read in pieces, so that
 * the rows in memory are few however large they are. `read` gives up to `limit` rows after `after`.
 */
export async function readPage<Row, At>(
  { after, limit }: PageWish<At>,
  read: (piece: PageWish<At>) => Promise<Row[]>,
  positionOf: (row: Row) => At,
): Promise<Page<Row, At>> {
  const items: Row[] = []
  let bytes = 0
  let largest = mostPageBytes / rowsAtFirst
  for (let from = after; ; ) {
    const fitting = Math.ceil((mostPageBytes - bytes) / largest)
    const wanted = Math.min(Math.max(1, fitting), rowsAtOnce, limit - items.length)
    // one more than is wanted tells whether the list goes on
    const rows = await read({ after: from, limit: wanted + 1 })
    if (items.length === 0) largest = 1
    for (const row of rows.slice(0, wanted)) {
      const size = Buffer.byteLength(JSON.stringify(row))
      const last = items.at(-1)
      if (last !== undefined && bytes + size > mostPageBytes) return { items, next: positionOf(last) }
      items.push(row)
      bytes += size
      largest = Math.max(largest, size)
    }
    const last = items.at(-1)
    if (last === undefined || rows.length <= wanted) return { items, next: null }
    if (items.length >= limit) return { items, next: positionOf(last) }
    from = positionOf(last)
  }
}

/**
 * The same of a page whose rows are known by their ids, in order: `keys` are those of the page, and one more if the list goes
 * on. `read` gives the rows of some ids in any order; one that is gone meanwhile is left out.
 */
export async function readPageOf<Key extends { id: string }, Row>(
  keys: readonly Key[],
  limit: number,
  read: (ids: string[]) => Promise<Map<string, Row>>,
): Promise<Page<Row, Key>> {
  const { items, next } = await readPage<{ at: number; row: Row | undefined }, number>(
    { after: null, limit },
    async (piece) => {
      const from = piece.after === null ? 0 : piece.after + 1
      const some = keys.slice(from, from + piece.limit)
      const rows = await read(some.map(({ id }) => id))
      return some.map(({ id }, n) => ({ at: from + n, row: rows.get(id) }))
    },
    ({ at }) => at,
  )
  return {
    items: items.flatMap(({ row }) => row ?? []),
    next: next === null ? null : (keys[next] ?? null),
  }
}

/** The same page with other items. */
export function mapPage<From, To, At>(page: Page<From, At>, map: (item: From) => To): Page<To, At> {
  return { items: page.items.map(map), next: page.next }
}
