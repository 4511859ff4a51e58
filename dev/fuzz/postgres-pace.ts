import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'

/** How quick PostgreSQL itself is, so that a machine that is too busy for it is not taken for a fault of the service. */
export type Pace = {
  /** Milliseconds within these two instants in which it left a `select` on a connection of our own unanswered. */
  slowMs(fromMs: number, toMs: number): number
  close(): Promise<void>
}

type Span = { from: number; to: number }

const everyMs = 250
/** Quicker than this is no trouble for anyone. */
const worthNotingMs = 400

/** A `select` that reads no table waits for no lock: what delays it is the machine, not what the service has asked for. */
export function watchPace(url: string): Pace {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  const spans: Span[] = []
  let asking: Span | null = null
  let isClosed = false
  const watching = watch()

  async function watch() {
    while (!isClosed) {
      asking = { from: Date.now(), to: Infinity }
      // a late turn of our own comes before the answer is read, and is not PostgreSQL's
      const turned = sleep(0).then(() => Date.now())
      await sql`select 1`
      const ownMs = (await turned) - asking.from
      const span = { from: asking.from + ownMs, to: Date.now() }
      asking = null
      if (span.to - span.from > worthNotingMs) spans.push(span)
      await sleep(everyMs)
    }
  }

  return {
    slowMs(fromMs, toMs) {
      const all = asking && Date.now() - asking.from > worthNotingMs ? [...spans, asking] : spans
      const within = all.map(({ from, to }) => Math.min(to, toMs) - Math.max(from, fromMs))
      return within.filter((ms) => ms > 0).reduce((sum, ms) => sum + ms, 0)
    },
    async close() {
      isClosed = true
      await watching.catch(() => {})
      await sql.end({ timeout: 1 })
    },
  }
}
