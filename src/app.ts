import { randomUUID } from 'node:crypto'
import Fastify, { type FastifyInstance, LogController } from 'fastify'
import { createDatabase, createStore, loadLists } from '../db/index.ts'
import { registerRoutes } from '../routes/index.ts'
import { createActions } from './actions/index.ts'
import { createAdmission } from './attend.ts'
import type { Config } from './config.ts'
import { AppError } from './errors.ts'
import { createFire } from './fire.ts'
import { createFollowUp } from './follow-up.ts'
import { createHolds, type Holds } from './holds.ts'
import { createNas, createVerifier } from './identity.ts'
import { createJobs } from './jobs.ts'
import { createKeyCheck } from './key.ts'
import { createLedger } from './ledger.ts'
import { logOptions } from './log.ts'
import { createRunner, type Runner } from './runner.ts'
import { createSettle } from './settle.ts'
import { createStatus } from './status.ts'
import { realTimers as timers, within } from './timers.ts'
import { createTrigger } from './trigger.ts'
import { userAgent, version } from './version.ts'

export type AppOptions = {
  config: Config & { databaseUrl: string; apiKey: string }
  /** A test's clock, in the place of Postgres' own; null: Postgres' own. */
  clock?: () => Date | null
}

/** The service, wired by hand: what is above depends on what is handed to it, and on nothing else. */
export type App = {
  http: FastifyInstance
  holds: Holds
  /** To be called once the process listens: loads the keys, reconciles or begins to tick. */
  begin(): Promise<void>
  /** No new claims; running attempts are ended and written down, wake-ups armed, connections closed. */
  drain(): Promise<void>
  /** Arms that are owed; throws where Postgres cannot be asked. */
  armsOwed(): Promise<number>
}

export function createApp({ config, clock = () => null }: AppOptions): App {
  const startedAt = new Date()
  const owner = `${config.machineId}:${randomUUID()}`
  const http = Fastify({
    logger: logOptions(config.logLevel),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: 256 * 1024,
    requestTimeout: 30_000,
    http: { connectionsCheckingInterval: 5_000 },
    forceCloseConnections: 'idle',
  })
  const { log } = http
  const holds = createHolds()
  const database = createDatabase({
    url: config.databaseUrl,
    max: 8,
    onError: (error) => log.warn({ err: error }, 'the connections to Postgres are replaced'),
  })
  const store = createStore(database, clock)
  const actions = createActions({ userAgent })
  const nas = createNas({ config, database, log })
  const verifier = createVerifier({ config, database, log })
  let draining = false

  const { attend, admit } = createAdmission({
    ...{ store, owner, timers, leaseMs: config.runLeaseMs },
    runner: () => runner,
    armLeaseMs: () => trigger.armLeaseMs(),
  })
  const followUp = createFollowUp({ attend, holds, timers, log, ensureArmed: (change, ms) => trigger.ensureArmed(change, ms) })
  const trigger = createTrigger({ config, store, holds, timers, owner, nas, log, fireDue: followUp.fireDue })
  const { settle, giveBack } = createSettle({ store, admit, timers, log, onSettled: followUp.settled })
  const runner: Runner = createRunner({
    ...{ store, actions, holds, timers, owner, log, settle, giveBack },
    maxConcurrent: config.maxConcurrentRuns,
  })
  const { ensureArmed } = trigger
  const fire = createFire({
    ...{ attend, ensureArmed },
    isDraining: () => draining,
    cancelOrphan: (jobId) => void trigger.cancelOrphan(jobId),
    confirm(jobId) {
      trigger.answered(jobId)
      void holds.during('request', verifier.refreshIfStale())
    },
  })
  const jobs = createJobs({
    ...{ store, admit, owner, ensureArmed, timezone: config.timezone },
    runner: () => runner,
    cancelOrphan: (jobId) => within(timers, 2_000, trigger.cancelOrphan(jobId), undefined),
  })
  const { status, metrics } = createStatus({
    ...{ store, holds, owner, startedAt, configuredProvider: config.provider },
    runner: () => runner,
    scheduler: trigger.active,
    isDraining: () => draining,
    armer: trigger.armer,
    refusal: () => nas?.refusal() ?? null,
    jwksError: () => verifier.health().lastError,
  })

  registerRoutes(http, {
    ...{ jobs, fire, status, metrics },
    verifier,
    checkApiKey: createKeyCheck(config.apiKey),
    admit() {
      if (draining) throw new AppError('DRAINING', 'The process is going down; expected the call to be sent again', { retryAfterS: 5 })
    },
    look: store.look,
    lists: () => loadLists(database),
    ledger: createLedger({ store }),
    reconcile: trigger.reconcile,
    async readiness() {
      const now = await store.now().catch(() => null)
      return { ready: now !== null && !draining, database: now !== null, draining }
    },
    isArmed: trigger.isArmed,
    config: { timezone: config.timezone, metricsHere: config.metricsPort === null, version },
    now: () => clock() ?? new Date(),
  })

  return {
    http,
    holds,
    async begin() {
      await verifier.warm()
      await trigger.start()
    },
    async drain() {
      draining = true
      const endsAt = timers.now() + config.drainTimeoutMs
      await runner.drain()
      while (holds.count('run', 'arm') > 0 && timers.now() < endsAt) await holds.released(endsAt - timers.now())
      await trigger.stop()
      await within(timers, 1_000, http.close(), undefined)
      await database.close()
    },
    armsOwed: async () => (trigger.isNasUsed() ? (await store.readCounts()).armsOwed : 0),
  }
}
