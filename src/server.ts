import { type Ahead, keysQuestion, logInAhead } from '../db/login/index.ts'
import type { App } from './app.ts'
import { type Config, ConfigError, readConfig, verifiesNas } from './ground/config.ts'
import { createIdleExit } from './process/idle.ts'
import { createListener } from './process/listener.ts'
import { serveMetrics } from './process/metrics-port.ts'
import { realDelays as delays, sleep, within } from './ground/delays.ts'
import { warnOfUptime } from './process/uptime.ts'

/**
 * The process: environment in, listen first, everything else after, even the loading of the program; signals drain it,
 * and it exits by itself.
 */
async function main(): Promise<void> {
  const config = readConfig()
  const ahead = logIn(config)
  const listener = createListener()
  await listener.listen(config)
  // what was begun of the connection goes a step on, here and below
  await sleep(delays, 0)
  const early = await connectMeanwhile(config, ahead)
  // a part of what follows, so that the loop turns in between
  await import('./http.ts')
  await sleep(delays, 0)
  const { createApp } = await import('./app.ts')
  await sleep(delays, 0)
  const { tracesUrl, traced } = config.telemetry
  const tracer = tracesUrl ? await (await import('./telemetry/index.ts')).loadTracer(traced) : undefined
  const app = createApp({
    ...{ early, tracer },
    config: { ...config, databaseUrl: await databaseUrl(config), apiKey: await apiKey(config) },
    server: listener.server,
  })
  const { http, holds, departure } = app
  const { log } = http
  const leave = exitOnce(app, config.drainTimeoutMs)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void leave(signal))

  await http.ready()
  listener.serve(http.routing)
  log.info({ host: config.host, port: config.port }, 'listening')
  if (config.metricsPort !== null) await serveMetrics(config.host, config.metricsPort, app.metrics)
  const idleExit = createIdleExit({
    ...{ ...config, holds, departure, delays, log },
    ...{ server: listener.server, firstAnswered: listener.firstAnswered },
    exit: (why) => void leave(why, why === 'idle' ? 0 : 1),
  })
  app.stay.plan(idleExit.endsAt)
  if (config.idleExitMs > 0) warnOfUptime({ ...config, holds, delays, log })
  await holds.during('boot', app.start())
  if (config.production && config.stallMs > 0) delays.after(watchAfterMs, () => void watch(config))
}

/** Before anything else is loaded: what follows of the program takes about as long as the answers. */
function logIn(config: Config): Ahead | null {
  const { databaseUrl: url } = config
  return url === null ? null : logInAhead({ url, question: verifiesNas(config) ? keysQuestion : null })
}

/** Undefined: where the database is, is not known yet. */
async function connectMeanwhile(config: Config, ahead: Ahead | null) {
  const { databaseUrl: url } = config
  if (!url) return undefined
  const { connectEarly } = await import('./early.ts')
  const early = connectEarly({ ...config, databaseUrl: url }, ahead)
  await sleep(delays, 0)
  return early
}

async function watch(config: Config): Promise<void> {
  const { watchForStall } = await import('./process/stall.ts')
  watchForStall(config)
}

/** The watching thread costs time that a cold fire should not wait for; an earlier stall costs little. */
const watchAfterMs = 10_000
const closingMs = 5_000

function exitOnce({ http: { log }, holds, drain }: App, drainTimeoutMs: number) {
  let isLeaving = false
  return async (why: string, status = 0) => {
    if (isLeaving) return
    isLeaving = true
    holds.take('drain')
    log.info({ why }, 'going down')
    // whatever hangs on the way out: what matters is written by then, or found by its lease
    await within(delays, drainTimeoutMs + closingMs, drain(why), undefined).catch((error: unknown) =>
      log.error({ err: error }, 'shutting down failed'),
    )
    log.info({ why }, 'gone')
    process.exit(status)
  }
}

/** Without a database in the environment, development starts one; the shipped program does not. */
async function databaseUrl(config: Pick<Config, 'databaseUrl'>): Promise<string> {
  if (config.databaseUrl) return config.databaseUrl
  try {
    const { startDevelopmentDatabase } = await import('../dev/start/database.ts')
    return await startDevelopmentDatabase()
  } catch (error) {
    if (
      (error as { code?: string }).code !== 'ERR_MODULE_NOT_FOUND' &&
      (error as { code?: string }).code !== 'MODULE_NOT_FOUND'
    )
      throw error
    throw new ConfigError('DATABASE_URL is required: the URL of a Postgres database')
  }
}

async function apiKey(config: Pick<Config, 'apiKey'>): Promise<string> {
  if (config.apiKey) return config.apiKey
  const { randomBytes } = await import('node:crypto')
  const made = randomBytes(24).toString('base64url')
  process.stdout.write(`API_KEY is not set; for this start it is ${made}\n`)
  return made
}

main().catch((error: unknown) => {
  const isConfig = error instanceof ConfigError
  process.stderr.write(
    `${isConfig || hasCode(error) ? (error as Error).message : ((error as Error).stack ?? String(error))}\n`,
  )
  process.exit(isConfig ? ConfigError.exitStatus : 1)
})

/** A system error (such as EADDRINUSE) says all that there is to say in its message. */
function hasCode(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error
}
