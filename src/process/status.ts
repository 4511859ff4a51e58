import type { Counts, FailedDelivery, Store, UnarmedJob } from '../../db/index.ts'
import type { Armer } from '../arming/arm.ts'
import type { Holds } from '../ground/holds.ts'
import type { Session, TimerFailure } from '../timers/index.ts'
import type { RunCounts } from '../run/queue.ts'
import { type Heartbeat, heartbeatFact } from '../arming/builtin.ts'
import { freshHealth, healthFact, type HealthRecord } from './health-record.ts'
import { healthOf, judgeCounts, type Reason } from './judge.ts'
import type { SealState } from '../vault/seal-check.ts'
import { version } from '../ground/version.ts'

type StatusNeeds = {
  store: Store
  holds: Holds
  runs: RunCounts
  scheduler: () => string
  configuredProvider: string
  owner: string
  startedAt: Date
  isDraining: () => boolean
  /** False where nothing is armed with NAS (the built-in scheduler triggers): then no arm is owed to it. */
  isNasUsed: () => boolean
  /** Jobs whose wake time NAS has not confirmed, those that wait longest first. */
  unarmed: (limit: number) => Promise<UnarmedJob[]>
  /** The state of the login at the timer; `unknown` without one. */
  session: () => Session
  /** Null where no timer is configured. */
  armer: Armer | null
  refusal: () => TimerFailure | null
  jwksError: () => { at: Date; message: string } | null
  /** Whether ENCRYPTION_KEY is that of this database. */
  seal: () => SealState
  /** Why this process is up, and when it goes down. */
  awake: () => object
  /** What this process has seen of the health of the service. */
  reasons: () => Reason[]
}

export type Status = ReturnType<typeof createStatus>

/** The owed and held items of the service, for people; counts come from Postgres, so restarts lose nothing. */
export function createStatus(needs: StatusNeeds) {
  const { store } = needs

  /** From this process alone, without the database: for a portal that asks without a key. */
  function brief() {
    return {
      status: 'ok',
      version,
      provider: needs.scheduler(),
      nous_session_valid: needs.session(),
    }
  }

  async function status(): Promise<Record<string, unknown>> {
    const askedAt = performance.now()
    const counts = await store.readCounts({ isNasUsed: needs.isNasUsed() })
    const databaseMs = Math.round(performance.now() - askedAt)
    const endedRuns = await store.endedRuns()
    const heartbeat = await store.readFact(heartbeatFact)
    const health = healthBody(counts, await store.readFact(healthFact))
    const unarmed = counts.armsOwed > 0 ? await needs.unarmed(unarmedShown) : []
    return {
      ...brief(),
      // a wake-up that was lost is found by the next wake; until then nothing else reports a problem
      status: counts.lost > 0 || needs.seal() === 'wrong' ? 'degraded' : 'ok',
      ...health,
      scheduler: {
        name: needs.scheduler(),
        configured: needs.configuredProvider,
        heartbeat: (heartbeat?.value as Heartbeat | undefined) ?? null,
      },
      process: {
        owner: needs.owner,
        started_at: needs.startedAt.toISOString(),
        draining: needs.isDraining(),
        holds: needs.holds.byKind(),
        runs: needs.runs(),
      },
      awake: needs.awake(),
      waiting_for_place: {
        runs: counts.waiting.runs,
        oldest_since: counts.waiting.since?.toISOString() ?? null,
      },
      failed_deliveries: {
        count: counts.failedDeliveries.count,
        newest: failedBody(counts.failedDeliveries.newest),
      },
      jobs: counts.jobs,
      // those that are live now, and all that have ever ended
      runs: { ...counts.runs, ...endedRuns },
      owed: {
        arms: counts.armsOwed,
        oldest_since: counts.oldestOwedSince?.toISOString() ?? null,
        cancels: counts.orphansOwed,
        overdue_jobs: counts.overdue,
        lost_wakes: counts.lost,
      },
      unarmed: unarmed.map((job) => unarmedBody(job, counts.now)),
      nas: nasStatus(),
      encryption_key: needs.seal(),
      database: { round_trip_ms: databaseMs, clock_ahead_ms: counts.now.getTime() - Date.now() },
    }
  }

  /** What this process has seen, what Postgres has, and what another process has seen lately; each code once. */
  function healthBody(counts: Counts, fact: { value: unknown } | null) {
    const record = (fact?.value ?? null) as HealthRecord | null
    const isElsewhere = record?.owner !== needs.owner && freshHealth(record, counts.now) !== 'ok'
    const isKeyWrong = needs.seal() === 'wrong'
    const all = [
      ...needs.reasons(),
      ...judgeCounts(counts, { isKeyWrong }),
      ...(isElsewhere ? (record?.reasons ?? []) : []),
    ]
    const reasons = all.filter(({ code }, n) => all.findIndex((one) => one.code === code) === n)
    return { health: healthOf(reasons), reasons }
  }

  function nasStatus() {
    const refusal = needs.refusal()
    const lastError = needs.armer?.lastError() ?? null
    const jwksError = needs.jwksError()
    return {
      refused: refusal && { code: refusal.code, message: refusal.message },
      last_error: lastError && { ...lastError, at: lastError.at.toISOString() },
      last_jwks_error: jwksError && { ...jwksError, at: jwksError.at.toISOString() },
    }
  }

  return { brief, status }
}

/** More are counted in `owed.arms`. */
const unarmedShown = 20

function failedBody(failed: FailedDelivery | null) {
  if (!failed) return null
  const { id, runId, jobId, to, error, at } = failed
  return { id, run_id: runId, job_id: jobId, to, error, at: at.toISOString() }
}

/** `for_ms`: since NAS holds another instant than the one that is wanted, or none. */
function unarmedBody({ jobId, wakeAt, armedAt, since, error }: UnarmedJob, now: Date) {
  return {
    job_id: jobId,
    wake_at: wakeAt?.toISOString() ?? null,
    armed_at: armedAt?.toISOString() ?? null,
    for_ms: now.getTime() - since.getTime(),
    last_error: error,
  }
}
