/** The query of a page. */
export const queryAt = <Query extends object>(query: Query, cursor: string | undefined) => ({
  query: { ...query, ...(cursor !== undefined && { cursor }) },
})

export type Page<Item> = { items: Item[]; next: string | null }

/** A list that is read as it is used: `for await (const job of …)`, or page by page. */
export type Pages<Item> = AsyncIterable<Item> & {
  pages(): AsyncGenerator<Item[]>
  /** All of it at once. */
  all(): Promise<Item[]>
}

/** `read`: the page at this cursor; undefined: the first. */
export function pagesOf<Item>(read: (cursor: string | undefined) => Promise<Page<Item>>): Pages<Item> {
  async function* pages() {
    for (let cursor: string | undefined; ; ) {
      const { items, next } = await read(cursor)
      yield items
      if (next === null) return
      cursor = next
    }
  }
  async function* each() {
    for await (const items of pages()) yield* items
  }
  return {
    pages,
    [Symbol.asyncIterator]: each,
    async all() {
      const found: Item[] = []
      for await (const items of pages()) found.push(...items)
      return found
    },
  }
}
