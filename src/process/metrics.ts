import type { CounterStore, Store } from '../../db/index.ts'
import { type Heartbeat, heartbeatFact } from '../arming/builtin.ts'
import type { Holds } from '../ground/holds.ts'
import { version } from '../ground/version.ts'
import type { RunCounts } from '../run/queue.ts'
import {
  type Exposition,
  type Family,
  type Keeping,
  keptFamilies,
  loadExposition,
} from '../telemetry/index.ts'
import { processFamilies, serviceFamilies, totalsFamilies } from './families.ts'
import type { Reason } from './judge.ts'

type MetricsNeeds = {
  store: Pick<Store, 'readCounts' | 'readFact' | 'totals'>
  counters: Pick<CounterStore, 'read'>
  keeping: Pick<Keeping, 'flush'>
  holds: Holds
  runs: RunCounts
  places: number
  scheduler: () => string
  owner: string
  isNasUsed: () => boolean
  /** What this process sees of the health of the service. */
  reasons: () => Reason[]
}

export type Metrics = ReturnType<typeof createMetrics>

/**
 * All numbers of the service, and of this process. What this process has counted is written first: what is shown is what
 * Postgres keeps, so that no counter falls when the process ends. Rejects if Postgres does not answer.
 */
export function createMetrics(needs: MetricsNeeds) {
  const { store, keeping, isNasUsed } = needs
  let loaded: Promise<Exposition> | undefined

  async function families(): Promise<Family[]> {
    await keeping.flush()
    const askedAt = performance.now()
    const heartbeat = await store.readFact(heartbeatFact)
    const roundTripS = (performance.now() - askedAt) / 1000
    const [counts, totals, kept] = await Promise.all([
      store.readCounts({ isNasUsed: isNasUsed() }),
      store.totals(),
      needs.counters.read(),
    ])
    const clockAheadS = (counts.now.getTime() - Date.now()) / 1000
    return [
      ...serviceFamilies(counts, (heartbeat?.value as Heartbeat | undefined) ?? null),
      ...totalsFamilies(totals),
      ...keptFamilies(kept),
      ...processFamilies({
        ...{ version, node: process.version, scheduler: needs.scheduler(), owner: needs.owner },
        ...{ holds: needs.holds.byKind(), runs: needs.runs(), places: needs.places },
        reasons: needs.reasons(),
        ...{ roundTripS, clockAheadS },
      }),
    ]
  }

  return {
    families,
    /** Prometheus' text format. */
    async text(): Promise<string> {
      loaded ??= loadExposition()
      return (await loaded).text(await families())
    },
  }
}
