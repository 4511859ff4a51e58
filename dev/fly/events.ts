/** What happened, oldest first. `machine` is null for the proxy and for a deploy as a whole. */
export type FlyEvent = { at: Date; machine: string | null; what: FlyWhat; detail: string }
export type FlyWhat =
  | 'start'
  | 'exit'
  | 'signal'
  | 'kill'
  | 'suspend'
  | 'resume'
  | 'clock'
  | 'restart'
  | 'lost'
  | 'back'
  | 'request'
  | 'answer'
  | 'resend'
  | 'gave_up'
  | 'deploy'

/** Seconds in which a machine was awake: what is paid for. A machine that is suspended or stopped costs nothing. */
export type Bill = { awakeS: number; starts: number; elapsedS: number; machines: Record<string, number> }

export type Events = ReturnType<typeof createEvents>

export function createEvents(print: (event: FlyEvent) => void = () => {}) {
  const startedAt = performance.now()
  const entries: FlyEvent[] = []
  const awakeSince = new Map<string, number>()
  const awakeMs = new Map<string, number>()
  const waiting = new Set<() => void>()

  function add(machine: string | null, what: FlyWhat, detail = '') {
    const event = { at: new Date(), machine, what, detail }
    entries.push(event)
    print(event)
    for (const look of waiting) look()
  }

  function bill(): Bill {
    const machines = Object.fromEntries(
      [...awakeMs].map(([machine, ms]) => {
        const since = awakeSince.get(machine)
        return [machine, (ms + (since === undefined ? 0 : performance.now() - since)) / 1000]
      }),
    )
    return {
      awakeS: Object.values(machines).reduce((sum, seconds) => sum + seconds, 0),
      starts: entries.filter(({ what }) => what === 'start').length,
      elapsedS: (performance.now() - startedAt) / 1000,
      machines,
    }
  }

  return {
    add,
    entries,
    bill,
    awake(machine: string) {
      awakeSince.set(machine, performance.now())
      if (!awakeMs.has(machine)) awakeMs.set(machine, 0)
    },
    asleep(machine: string) {
      const since = awakeSince.get(machine)
      if (since === undefined) return
      awakeSince.delete(machine)
      awakeMs.set(machine, (awakeMs.get(machine) ?? 0) + performance.now() - since)
    },
    /** Resolves once `isThere`, looked at now and after each event. Rejects after `timeoutMs`. */
    async until(isThere: () => boolean, timeoutMs = 30_000): Promise<void> {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const told = () => entries.map(({ machine, what, detail }) => `${machine ?? 'proxy'} ${what} ${detail}`)
      const timer = setTimeout(
        () =>
          reject(
            new Error(`not within ${timeoutMs} ms: ${String(isThere)}; ${told().slice(-15).join(' · ')}`),
          ),
        timeoutMs,
      )
      const look = () => {
        if (isThere()) resolve()
      }
      waiting.add(look)
      look()
      await promise.finally(() => {
        clearTimeout(timer)
        waiting.delete(look)
      })
    },
  }
}
