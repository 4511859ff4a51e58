/** The order in which things are stopped: each while what it needs is still there. */
export const stopOrder = { service: 1, nas: 2, outside: 3, database: 4, lock: 5 } as const

export type Stop = {
  isUnderWay(): boolean
  add(when: keyof typeof stopOrder, work: () => unknown): void
  /** Stops all that was added and ends the process with `status`. The first call counts. */
  begin(status: number): Promise<void>
}

export function createStop(): Stop {
  const steps: { order: number; work: () => unknown }[] = []
  let isUnderWay = false
  return {
    isUnderWay: () => isUnderWay,
    add(when, work) {
      steps.push({ order: stopOrder[when], work })
    },
    async begin(status) {
      if (isUnderWay) return
      isUnderWay = true
      for (const { work } of steps.toSorted((a, b) => a.order - b.order)) {
        try {
          await work()
        } catch (error) {
          process.stderr.write(`${String(error)}\n`)
        }
      }
      process.exit(status)
    },
  }
}

/**
 * Tells of Ctrl-C and its kin, and of their repetition: who presses Ctrl-C again does not want to wait. Also of the
 * end of the process that reads our output, or that has started us.
 */
export function onEnd({ stop, stopNow }: { stop: (why: string) => void; stopNow: () => void }): void {
  let signals = 0
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      signals += 1
      if (signals > 1) stopNow()
      else stop(signal)
    })
  }
  process.stdout.on('error', () => stop('no process reads on'))
  const parent = process.ppid
  setInterval(() => {
    if (process.ppid !== parent) stop('the starter is gone')
  }, 500).unref()
}
