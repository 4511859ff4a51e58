import { DatabaseUnavailable } from './errors.ts'

type BatchNeeds<Item, Result> = {
  /** Two items with one key never share a statement. */
  keyOf: (item: Item) => string
  /** One statement for all the items; their results by key. */
  carryOut: (items: [Item, ...Item[]]) => Promise<Map<string, Result>>
  /** Items in one statement, and statements under way, at most. */
  most: number
  atOnce: number
}

/**
 * Gathers calls into statements: those that come in one turn of the event loop go together, once it has turned; those that
 * come while `atOnce` statements are under way wait for one of them to end, and go with the others that wait. So a single
 * call is as quick as it can be, and a crowd shares the round trips and the commits. Null: the statement said nothing of
 * that key.
 *
 * A statement that Postgres refuses is carried out again item by item, so that one bad item fails alone.
 */
export function createBatch<Item, Result>(
  needs: BatchNeeds<Item, Result>,
): (item: Item) => Promise<Result | null> {
  const { keyOf, carryOut, most, atOnce } = needs
  type Waiting = { item: Item; resolve: (result: Result | null) => void; reject: (error: unknown) => void }
  let waiting: Waiting[] = []
  let underWay = 0
  let startsSoon = false

  /** Answers come in crowds, too: what follows from those of one turn comes before the next. */
  function startSoon() {
    if (startsSoon) return
    startsSoon = true
    setImmediate(startNext)
  }

  function startNext() {
    startsSoon = false
    while (underWay < atOnce && waiting.length > 0) {
      const together = takeNext()
      underWay += 1
      void carry(together).finally(() => {
        underWay -= 1
        startSoon()
      })
    }
  }

  function takeNext(): Waiting[] {
    const keys = new Set<string>()
    const [together, left]: [Waiting[], Waiting[]] = [[], []]
    for (const one of waiting) {
      const key = keyOf(one.item)
      const fits = together.length < most && !keys.has(key)
      keys.add(key)
      ;(fits ? together : left).push(one)
    }
    waiting = left
    return together
  }

  async function carry(together: Waiting[]): Promise<void> {
    try {
      const results = await carryOut(together.map(({ item }) => item) as [Item, ...Item[]])
      for (const { item, resolve } of together) resolve(results.get(keyOf(item)) ?? null)
    } catch (error) {
      const isShared = together.length > 1 && !(error instanceof DatabaseUnavailable)
      if (isShared) for (const one of together) await carry([one])
      else for (const { reject } of together) reject(error)
    }
  }

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject })
      startSoon()
    })
}
