import type { Log } from './log.ts'
import type { Delays } from './delays.ts'

export type LogLine = { level: 'info' | 'warn'; fields: object; message: string }

/**
 * Lines that strangers, or a timer service that retries, can cause by the thousand. The first of a kind is written at
 * once. Further ones within the minute are counted, and one line with `times` follows when the minute is over.
 */
export type FoldedLog = {
  /** Each `kind` is remembered for a minute, a thousand at most: those beyond are counted together, as one kind. */
  write(log: Log, kind: string, line: LogLine): void
  /** Writes the counts that are due later. To be called before the process ends. */
  end(): void
}

const foldedForMs = 60_000
const mostKinds = 1_000

export function createFoldedLog(delays: Delays): FoldedLog {
  const open = new Map<string, { times: number; close: () => void }>()

  function write(log: Log, given: string, line: LogLine) {
    const kind = open.has(given) || open.size < mostKinds ? given : 'others'
    const known = open.get(kind)
    if (known) {
      known.times += 1
      return
    }
    log[line.level](line.fields, line.message)
    const cancel = delays.after(foldedForMs, close)
    const entry = { times: 0, close }
    open.set(kind, entry)

    function close() {
      cancel()
      open.delete(kind)
      if (entry.times === 0) return
      log[line.level]({ ...line.fields, times: entry.times }, `${line.message} (repeated within a minute)`)
    }
  }

  return {
    write,
    end() {
      for (const { close } of open.values()) close()
    },
  }
}
