import { relative } from 'node:path'
import { Readable } from 'node:stream'
import type { EventData } from 'node:test'
import type { TestEvent } from 'node:test/reporters'

export type Tally = {
  read(event: TestEvent): void
  /** Files that ran at least one test to its end. */
  ranFiles(): number
  /** The files that took the longest, from the start of their process to its end, a line each. */
  slowest(count: number): string
  /** What makes this run a failure, one sentence each; empty after a good run. */
  problems(): string[]
}

/**
 * Counts what really ran. node's runner passes a file that registers no test, and exits 0 over skipped ones; a
 * suite that has lost half of its tests would still look green.
 */
export function createTally(files: readonly string[]): Tally {
  const ran = new Set<string>()
  const tookMs = new Map<string, number>()
  let failed = 0
  let total: EventData.TestSummary['counts'] | undefined
  return {
    read({ type, data }) {
      if (type === 'test:fail') failed += 1
      if (type === 'test:complete' && files.includes(data.name))
        tookMs.set(data.name, data.details.duration_ms)
      if (type !== 'test:summary') return
      if (data.file === undefined) total = data.counts
      else if (data.counts.tests > 0) ran.add(data.file)
    },
    ranFiles: () => ran.size,
    slowest(count) {
      const all = [...tookMs].toSorted(([, one], [, other]) => other - one)
      const lines = all
        .slice(0, count)
        .map(([file, ms]) => `${(ms / 1_000).toFixed(1).padStart(8)} s  ${relative('.', file)}`)
      return ['the slowest files:', ...lines].join('\n')
    },
    problems() {
      if (!total) return ['the run was cut short']
      const { cancelled, skipped, todo } = total
      return [
        ...files
          .filter((file) => !ran.has(file))
          .map((file) => `${relative('.', file)} ran no test, or did not end by itself`),
        ...(failed > 0 ? [`${failed} failed`] : []),
        ...(cancelled > 0 ? [`${cancelled} cancelled`] : []),
        ...(skipped + todo > 0 ? [`${skipped} skipped and ${todo} to do: every test has to run`] : []),
      ]
    },
  }
}

/** The same events, with one line of our own put before node's closing lines. */
export function account(events: AsyncIterable<TestEvent>, tally: Tally, found: number): Readable {
  return Readable.from(withLine(events, tally, found))
}

async function* withLine(events: AsyncIterable<TestEvent>, tally: Tally, found: number) {
  for await (const event of events) {
    tally.read(event)
    // node ends with one diagnostic for each count, of which `tests N` is the first
    const isClosing = event.type === 'test:diagnostic' && /^tests \d+$/.test(event.data.message)
    if (isClosing) {
      const message = `test files: ${found} found, ${tally.ranFiles()} ran`
      yield { ...event, data: { ...event.data, message } }
    }
    yield event
  }
}
