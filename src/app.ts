import { randomUUID } from 'node:crypto'
import type { Server } from 'node:http'
import type { FastifyInstance } from 'fastify'
import {
  createChannelStore,
  createCounterStore,
  createLogStore,
  createSecretStore,
  createProcessRecord,
  createStore,
  loadHistory,
  loadLists,
} from '../db/index.ts'
import { registerRoutes } from '../routes/index.ts'
import { createEffects } from './effects.ts'
import { createCallbackAddress } from './run/callback-address.ts'
import { listedSoon } from './arming/listing.ts'
import { createLeases } from './run/leases.ts'
import { type Config, secretsOf } from './ground/config.ts'
import { placesOf } from './ground/config-places.ts'
import { createCore } from './core.ts'
import { type Early, openDatabase } from './early.ts'
import { policyFrom } from './decisions/index.ts'
import { withDeadline } from './run/deadline.ts'
import { createDeparture, type Departure } from './process/departure.ts'
import { exposuresOf } from './process/exposure.ts'
import { createWatch, logHealth } from './process/health.ts'
import { createSigns } from './process/signs.ts'
import { createHolds, type Holds } from './ground/holds.ts'
import { createTimer, ownUrls, sealOf } from './identity.ts'
import { createHttp } from './http.ts'
import { createLate } from './late.ts'
import { createServed } from './served.ts'
import { createOutbound } from './outbound/index.ts'
import { createGrowingRedactor } from './redact/index.ts'
import { bootMs } from './run/near.ts'
import { createRetention } from './history/retention.ts'
import { openSink } from './attempt-logs/sink.ts'
import { createSealCheck } from './vault/seal-check.ts'
import { createSleepless } from './process/sleepless.ts'
import { createStay, type Stay } from './process/stay.ts'
import { createMetrics } from './process/metrics.ts'
import { createStatus } from './process/status.ts'
import { countedFires, countedTimer, tracedActions, tracedSend } from './process/counted.ts'
import { createPushing } from './process/pushing.ts'
import { createKeeping, createTally, noTracer, type Tracer } from './telemetry/index.ts'
import { realDelays as delays, sleep, within } from './ground/delays.ts'

export type AppOptions = {
  config: Config & { databaseUrl: string; apiKey: string }
  /** A test's clock, instead of Postgres' own; null: Postgres' own. */
  clock?: () => Date | null
  /** One that listens already; it is to be given `http.routing` once `http.ready()`. Default: a new one. */
  server?: Server
  /** `address:port` of those that are asked for the names of targets. Default: those of the system. */
  nameServers?: readonly string[] | undefined
  /** Default: nothing is traced. */
  tracer?: Tracer | undefined
  /** Begun before this was loaded; default: a database that is connected to when it is first asked. */
  early?: Early | undefined
}

/** The service, wired by hand: each part depends on its arguments, and on nothing else. */
export type App = {
  http: FastifyInstance
  holds: Holds
  /** To be called once the process listens: loads the keys, reconciles or begins to tick. */
  start(): Promise<void>
  /** No new claims; running attempts are ended and written down, wake-ups armed, connections closed. */
  drain(why?: string): Promise<void>
  /** Prometheus text. */
  metrics(): Promise<string>
  /** To be told when this process goes down by itself. */
  stay: Pick<Stay, 'plan'>
  /** The exit record of the process; for the part that decides on its exit. */
  departure: Departure
}

/** The fire that a machine was started for is there by then, and answered. */
const firstFireMs = 250
const longestAnswerMs = 5_000

const loginWasInVain =
  'The login that login=ahead sends was not taken by Postgres or by what stands before it; it was made the usual way. If each boot says so, remove login=ahead from DATABASE_URL'

export function createApp(options: AppOptions): App {
  const { config, clock = () => null, server, nameServers, tracer = noTracer } = options
  const startedAt = new Date()
  const owner = `${config.machineId}:${randomUUID()}`
  const known = createGrowingRedactor(secretsOf(config))
  const { http, another } = createHttp(config.logLevel, known.text)
  const { log } = http
  const holds = createHolds()
  const stay = createStay({ idleExitMs: config.idleExitMs, holds, delays })
  const leaving = new AbortController()
  const isDraining = () => leaving.signal.aborted
  const tally = createTally()
  const counting = { tally, tracer, delays }
  const { database, keys } = options.early ?? { database: openDatabase(config), keys: undefined }
  database.watch({
    onCall(name, tookMs) {
      tally.observe('statement', tookMs / 1000)
      if (!tracer.isOn) return
      const attributes = { 'db.system.name': 'postgresql', 'db.query.summary': name }
      tracer.note({ name: `db ${name}`, kind: 'client', attributes }, tookMs)
    },
    onError: (error) => log.warn({ err: error }, 'the connections to Postgres are replaced'),
  })
  const record = createProcessRecord({ database, machineId: config.machineId, owner, clock })
  const store = createStore(database, clock, { arrival: () => record.arrival(delays.now()) })
  const counters = createCounterStore(database)
  const keeping = createKeeping({
    write: (counted) => record.sign({ counted, fires: tally.fires() }),
    ...{ tally, delays, log },
  })
  const leases = createLeases({ store, owner, delays, log })
  const address = createCallbackAddress({
    keys: config.encryptionKey ? [config.encryptionKey, ...config.encryptionKeysOld] : [],
    callbackUrl: config.callbackUrl,
  })
  const sealCheck = createSealCheck({
    store: createSecretStore(database, clock),
    ...{ seal: sealOf(config), log },
  })
  const outbound = createOutbound({ allow: config.targetAllow, own: ownUrls(config), nameServers })
  const logStore = createLogStore(database, clock)
  const { secrets, channels, logs } = createLate({
    ...{ config, database, clock, logStore, sealCheck, known, outbound, isDraining },
  })
  const { client, verifier } = createTimer({ config, database, keys, hold: () => holds.take('login'), log })
  const timer = client && countedTimer(client, counting)
  const effects = createEffects({
    ...{ config, store, outbound, secrets, channels, address, leases },
    openLog: (_job, { id, attempt, fence }) =>
      openSink({ store: logStore, delays, log }, { runId: id, attempt, fence }),
    untilCalm: () => answered(firstFireMs),
    now: () => (clock() ?? new Date()).getTime(),
    note: known.note,
    traceparent: tracer.parent,
    sent: (type, outcome) => tally.count('deliveries', { type, outcome }),
  })
  const retention = createRetention({
    ...{ delays, log, isDraining },
    async tend(mostMs) {
      const { tend } = await import('./history/tend.ts')
      const keptOf = (policy: Record<string, unknown>) => policyFrom(policy).retention
      const steps = await loadHistory({ database, clock, keptOf, lives: config.lives })
      return tend({ store: steps, now: delays.now, isDraining }, mostMs)
    },
  })
  const signs = createSigns(delays)
  const core = createCore({
    ...{ config, store, timer, leases, leaving, holds, delays, owner, log, signs, tally, tracer, ...effects },
    actions: withDeadline({ ...config, actions: tracedActions(effects.actions, counting), delays, log }),
    send: tracedSend(effects.send, counting),
    settled: retention.settled,
  })
  const { arming, schedulers } = core
  const fire = countedFires(core.fire, counting)
  const refusal = () => arming.refusal() ?? timer?.refusal() ?? null
  const watch = createWatch({
    ...{ signs, delays, isHeld: () => holds.count() > 0 },
    owed: () => store.readOwed({ isNasUsed: arming.isNasUsed() }),
    now: () => {
      const refused = refusal()
      const failure = refused ?? arming.armer?.lastError() ?? null
      return {
        wait: core.longestWait(),
        timer: failure && { message: `${failure.code}: ${failure.message}`, isRefused: refused !== null },
        keys: verifier.keysError(),
      }
    },
    found({ isNew, ...seen }) {
      if (isNew) logHealth(log, seen)
      const reported = import('./process/health-report.ts').then(({ reportHealth }) =>
        reportHealth(
          {
            ...{ store, delays, log, send: effects.send },
            channels: createChannelStore(database, clock).defaultForFailures,
          },
          { ...seen, owner },
        ),
      )
      void holds.during('delivery', reported)
    },
  })
  // what changes the health releases a hold, and a process that sleeps has none to release
  holds.onRelease(watch.look)
  const departure = createDeparture({
    record,
    isNasUsed: arming.isNasUsed,
    nearMs: bootMs,
    upMs: delays.now,
    ...{ tally, tend: retention.atExit, log },
  })
  const metrics = createMetrics({
    ...{ store, counters, keeping, holds, owner, places: placesOf(config) },
    ...{ runs: core.runs, scheduler: arming.scheduler, isNasUsed: arming.isNasUsed },
    reasons: watch.reasons,
  })
  const pushing = createPushing({
    ...{ config: config.telemetry, machineId: config.machineId, delays, log },
    ...{ families: metrics.families, spans: tracer.take },
  })
  const { brief, status } = createStatus({
    ...{ store, holds, owner, startedAt, configuredProvider: config.provider },
    runs: core.runs,
    scheduler: arming.scheduler,
    isDraining,
    armer: arming.armer,
    refusal,
    isNasUsed: arming.isNasUsed,
    session: () => timer?.session() ?? 'unknown',
    unarmed: async (limit) => (await loadLists(database)).unarmed(limit),
    jwksError: verifier.keysError,
    seal: sealCheck.state,
    reasons: watch.reasons,
    awake: stay.report,
  })

  const warnIfSleepless = createSleepless({ config, isNasUsed: arming.isNasUsed, log })
  arming.onMoved(warnIfSleepless)

  const routes = createServed({
    ...{ config, database, clock, store, core, fire, status, brief, metrics, verifier, address },
    ...{ secrets, channels, logs, send: effects.send, sealCheck, holds, log, startedAt },
    actionsWith: (written) => withDeadline({ ...config, actions: effects.actionsWith(written), delays, log }),
    leaving: leaving.signal,
    ...{ referencesOf: effects.referencesOf, leases, owner, fires: tally.fires },
    goesDownInMs: stay.goesDownInMs,
  })
  registerRoutes(http, routes, another)

  /** A machine boots for a fire: its answer comes before everything else that a boot has to look after. */
  async function firstAnswer() {
    await sleep(delays, firstFireMs)
    await answered(longestAnswerMs - firstFireMs)
  }

  /** Resolves when no request waits for an answer, or after `mostMs`. */
  async function answered(mostMs: number) {
    const endsAt = delays.now() + mostMs
    while (holds.count('request') > 0 && delays.now() < endsAt)
      await within(delays, endsAt - delays.now(), holds.released(), undefined)
  }

  return {
    http,
    holds,
    metrics: metrics.text,
    async start() {
      warnIfSleepless()
      await verifier.warm()
      await firstAnswer()
      if (isDraining()) return
      if (config.production) for (const sentence of exposuresOf(config)) log.warn({}, sentence)
      pushing.start()
      const listing = schedulers.listAhead()
      const listed = listing && (await listedSoon(listing, delays))
      // it may have gone meanwhile, and its exit record stands
      if (isDraining()) return
      const seen = await departure.arrive(listed)
      // what keeps every login from being made is told by others
      if (seen && (await options.early?.isAhead) === false) log.warn({}, loginWasInVain)
      await schedulers.start(seen && { ...seen, listing })
      // logs it if the key is another one; a database that does not answer has other troubles
      await sealCheck.ask().catch(() => 'unknown')
      if (config.commands) await (await import('./process/programs.ts')).beginPrograms(config.commands, log)
      // a machine that boots for each fire is not to say it each time: its deploys do (src/migrate.ts)
      if (config.idleExitMs > 0) return
      const { remindOfFailures } = await import('./delivery/reminder.ts')
      await remindOfFailures(createChannelStore(database, clock), (line) => log.info(line))
    },
    async drain(why = 'closed') {
      await core.drain()
      keeping.stop()
      watch.stop()
      await within(delays, 2_000, departure.anyway(why), undefined)
      await pushing.last()
      server?.close()
      server?.closeIdleConnections()
      await within(delays, 1_000, http.close(), undefined)
      await database.close()
    },
    stay,
    departure,
  }
}
