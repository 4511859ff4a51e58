import {
  createApiKeyStore,
  createAuditStore,
  createProjectStore,
  type Database,
  loadDeclared,
  loadLists,
  loadOverview,
  readDatabaseState,
  type Store,
} from '../db/index.ts'
import type { RouteNeeds } from '../routes/index.ts'
import { createAudit } from './access/audit.ts'
import { createProjects } from './access/projects.ts'
import { createKeys } from './access/keys/index.ts'
import { createRefusals } from './access/refusals.ts'
import type { Actions, AttemptLog } from './actions/index.ts'
import type { Core } from './core.ts'
import type { SendMessage } from './delivery/send.ts'
import { type Config, secretsOf } from './ground/config.ts'
import { realDelays as delays } from './ground/delays.ts'
import { draining } from './ground/errors.ts'
import type { Holds } from './ground/holds.ts'
import type { Log } from './ground/log.ts'
import { once } from './ground/once.ts'
import { version } from './ground/version.ts'
import type { ReferencesOf } from './jobs/input.ts'
import { createLedger } from './jobs/ledger.ts'
import type { Late } from './late.ts'
import type { Metrics } from './process/metrics.ts'
import type { Status } from './process/status.ts'
import type { Stay } from './process/stay.ts'
import type { Tally } from './telemetry/index.ts'
import type { CallbackAddress } from './run/callback-address.ts'
import { withoutSecrets } from './run/callback.ts'
import type { FireCall } from './run/fire.ts'
import type { Leases } from './run/leases.ts'
import type { FireVerifier } from './timers/index.ts'
import { type SealCheck, wrongKey } from './vault/seal-check.ts'

type ServedNeeds = Late &
  Pick<Status, 'brief' | 'status'> & {
    config: Config & { apiKey: string }
    database: Database
    clock: () => Date | null
    store: Store
    core: Core
    /** That of the core, counted. */
    fire: FireCall
    metrics: Metrics
    verifier: FireVerifier
    address: CallbackAddress
    send: SendMessage
    /** For attempts that are not stored. */
    actionsWith: (log: AttemptLog) => Actions
    /** Aborts when the process goes down. */
    leaving: AbortSignal
    referencesOf: ReferencesOf
    leases: Leases
    /** Machine id : an id made at boot. */
    owner: string
    sealCheck: SealCheck
    holds: Holds
    startedAt: Date
    fires: Tally['fires']
    goesDownInMs: Stay['goesDownInMs']
    log: Log
  }

/** What the routes call of the service. */
export function createServed(needs: ServedNeeds): RouteNeeds {
  const { config, database, clock, store, core, fire, status, brief, metrics, verifier, address } = needs
  const { secrets, channels, logs, send, sealCheck, holds, log, startedAt, fires, goesDownInMs } = needs
  const { leases, referencesOf, owner } = needs
  const { jobs, deliveries, arming, schedulers, isDraining } = core
  const now = () => clock() ?? new Date()
  const overview = () => loadOverview(database, clock)
  const refusals = createRefusals(now)
  const projects = createProjects({
    ...{ store: createProjectStore(database, clock), attend: core.attend, holds, delays, log },
  })

  return {
    async declared(project) {
      const [{ createDeclared }, { createChannelsOfFile }] = await Promise.all([
        import('./jobs/declared.ts'),
        import('./jobs/declared-channels.ts'),
      ])
      const declaredStore = await loadDeclared(database, clock, project)
      return createDeclared({
        ...{ store: declaredStore, arming, leases, referencesOf, owner, delays },
        ...{ project, timezone: config.timezone, now: store.now },
        channels: createChannelsOfFile({ project, channels, secrets }),
      })
    },
    ...{ jobs, brief, metrics: metrics.text, deliveries, refusals },
    projects,
    status: async () => ({ ...(await status()), refused_callers: refusals.list() }),
    callbacks: {
      verify: address.verify,
      async report(claims, report) {
        const url: typeof address.url = (one) => (config.callbackUrl ? address.url(one) : '')
        const hiding = { store, secrets, always: secretsOf(config), url }
        return core.callbacks.report(claims, await withoutSecrets(hiding, claims, report))
      },
    },
    fire: {
      ...fire,
      answered(jobId) {
        fire.answered(jobId)
        void holds.during('request', verifier.refreshIfStale())
      },
    },
    verifier,
    ...{ secrets, channels, logs, send },
    keys: createKeys({ ...config, store: () => createApiKeyStore(database, clock), log }),
    audit: createAudit({ store: createAuditStore(database, clock), log }),
    hold: (kind) => holds.take(kind),
    goesDownInMs,
    refuseIfDraining() {
      if (isDraining()) throw draining('call')
    },
    look: store.look,
    tries: once(async () => {
      const { createTries } = await import('./run/tries.ts')
      return createTries({ actionsWith: needs.actionsWith, leaving: needs.leaving, delays, log })
    }),
    sessions: once(async () => {
      const { createSessions } = await import('./access/sessions.ts')
      return createSessions({ ...config, now })
    }),
    page: once(async () => (await import('./process/page-files.ts')).readPageFiles()),
    overview,
    async timeline(wish) {
      const { readTimeline } = await import('./jobs/timeline.ts')
      return readTimeline(await overview(), wish)
    },
    async costs(wish) {
      const costs = await (await overview()).costs(wish)
      // for how long processes were up says something of all projects
      if (wish.project !== null) return costs
      const { withLiving } = await import('./process/living.ts')
      return withLiving(costs, { since: startedAt, fires: fires() })
    },
    lists: () => loadLists(database),
    ledger: createLedger({ store }),
    reconcile: schedulers.reconcile,
    async readiness() {
      const { database: isThere, migrated, ...state } = await readDatabaseState(database)
      const isLeaving = isDraining()
      const isWrongKey = state.problem === null && (await sealCheck.ask().catch(() => null)) === 'wrong'
      const problem = isWrongKey ? wrongKey : state.problem
      return {
        ready: problem === null && !isLeaving,
        ...{ database: isThere, migrated, draining: isLeaving },
        ...(problem !== null && { problem }),
      }
    },
    isArmed: (registry) => arming.isArmed(registry, now()),
    trigger: arming.scheduler,
    config: {
      ...{ timezone: config.timezone, metricsHere: config.metricsPort === null, version },
      ...{ prompt: { baseUrl: config.prompt.baseUrl, model: config.prompt.model } },
      ...{ corsOrigins: config.corsOrigins },
      ...{ rateLimitPerMinute: config.rateLimitPerMinute, isOnFly: config.machineId !== 'local' },
      production: config.production,
    },
    now,
  }
}
