// `npm start`: everything that Chronos needs, on this machine, until Ctrl-C.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { startPostgres } from '../postgres/index.ts'
import { createSessions } from '../../src/access/sessions.ts'
import { startTarget } from '../target/index.ts'
import { webFolder } from '../../src/ground/web-folder.ts'
import { StartError } from './errors.ts'
import { databaseFolder, enterHome, type Kept, keep, leaveHome, readKept } from './home.ts'
import { databaseLine, line, serviceLines, targetLine } from './lines.ts'
import { type Part, startPart, untilAnswered } from './part.ts'
import { servicePort, settlePorts } from './ports.ts'
import { proxyUrl, startProxy } from './proxy.ts'
import { createStop, onEnd } from './stop.ts'
import { askedTimer, startTimer, type Timer } from './timer.ts'
import { welcome } from './welcome.ts'

const loopback = '127.0.0.1'
const host = process.env['HOST'] || loopback
/** Where we ourselves reach a service that listens there. */
const reach = /^(0\.0\.0\.0|::)$/.test(host) ? loopback : host
const stop = createStop()

onEnd({
  stop(why) {
    if (stop.isUnderWay()) return
    say(`stopping (${why})`)
    void stop.begin(0)
  },
  // What is still there ends with this process.
  stopNow: () => process.exit(130),
})
main().catch(fail)

async function main(): Promise<void> {
  const timer = askedTimer(process.argv.slice(2))
  const asked = process.env['PORT']
  const port = await servicePort(host, asked)
  enterHome()
  stop.add('lock', leaveHome)
  const earlier = readKept()
  const { kept, moved } = await settlePorts(earlier, port)
  keep(kept)
  if (!asked && port !== 8080) say(`port 8080 is taken, so the service gets ${port}; PORT sets another`)
  for (const sentence of moved) say(sentence)

  // The database takes longest; everything else comes up meanwhile.
  const isNew = !existsSync(join(databaseFolder, 'PG_VERSION'))
  if (isNew) say(`making a new database in ${databaseFolder}`)
  const [{ databaseUrl, jobs }, identity, proxy] = await Promise.all([
    startDatabase(),
    startTimerPart(timer, kept, isNew),
    startOutside(kept),
    buildPage(),
  ])
  if (stop.isUnderWay()) return
  const env = serviceEnv({ kept, port, databaseUrl, identity, callbackUrl: proxy.url })
  const baseUrl = await startService(env, port)
  const address = {
    baseUrl,
    pageUrl: signInUrl(baseUrl, env),
    apiKey: env.API_KEY,
    targetUrl: `http://${loopback}:${kept.targetPort}`,
  }
  process.stdout.write(welcome(address, performance.now()))
  if (jobs.length > 0) say(`jobs of earlier starts: ${jobs.join(', ')}`)
  proxy.open({ host: reach, port })
}

/** Only if its sources have changed since the last start. Without it everything else works. */
async function buildPage() {
  const { freshWeb } = await import('../build/web.ts')
  await freshWeb(webFolder).catch((error: Error) => say(`the page is not built: ${error.message}`))
}

async function startDatabase() {
  // While it goes down it complains of that.
  const log = (raw: string) => stop.isUnderWay() || show(databaseLine(raw))
  const starting = startPostgres({ dataDir: databaseFolder, log })
  stop.add('database', async () => (await starting.catch(() => null))?.stop())
  const [{ url: databaseUrl }, { openDatabase }] = await Promise.all([
    starting.catch((error: Error) => {
      throw new StartError(error.message, { cause: error })
    }),
    import('./database.ts'),
  ])
  return { databaseUrl, jobs: await openDatabase(databaseUrl) }
}

/** The variables by which the service is known to its timer. */
function startTimerPart(timer: Timer, kept: Kept, isNewDatabase: boolean): Promise<Record<string, string>> {
  return startTimer(timer, {
    ...{ kept, isNewDatabase, show },
    url: `http://${loopback}:${kept.nasPort}`,
    callbackUrl: proxyUrl(kept.proxyPort),
    started(part) {
      follow(part)
      stop.add('nas', () => part.stop(3_000))
    },
  })
}

/** The target of the first job, and the address that NAS calls. */
async function startOutside({ targetPort, proxyPort }: Kept) {
  const print = (raw: string) => show(targetLine(raw))
  const [target, proxy] = await Promise.all([startTarget({ port: targetPort, print }), startProxy(proxyPort)])
  stop.add('outside', () => {
    proxy.close()
    return target.close()
  })
  return proxy
}

type Told = {
  kept: Kept
  port: number
  databaseUrl: string
  identity: Record<string, string>
  callbackUrl: string
}

/** The environment of docs and contract; what else the person has set (LOG_LEVEL, CRON_TIMEZONE …) holds too. */
function serviceEnv({ kept, port, databaseUrl, identity, callbackUrl }: Told) {
  const nasUrl = `http://${loopback}:${kept.nasPort}`
  const { NAS_ACCESS_TOKEN: _token, NAS_JWKS_URL: _keys, ...rest } = process.env
  const { NAS_TOKEN_URL: _url, NAS_CLIENT_ID: _client, NAS_REFRESH_TOKEN: _refresh, ...theirs } = rest
  return {
    ...theirs,
    NODE_ENV: 'development',
    // the beginning of each run is worth a line while a person looks on
    LOG_LEVEL: process.env['LOG_LEVEL'] || 'debug',
    HOST: host,
    PORT: String(port),
    DATABASE_URL: databaseUrl,
    CRON_PROVIDER: 'chronos',
    NAS_PORTAL_URL: nasUrl,
    ...identity,
    CALLBACK_URL: callbackUrl,
    API_KEY: process.env['API_KEY'] || kept.apiKey,
    ENCRYPTION_KEY: kept.encryptionKey,
    IDLE_EXIT_MS: '0',
  }
}

/** The page, with a token that signs in once. Behind the #, so that it is in no request and no log. */
function signInUrl(baseUrl: string, { API_KEY: apiKey, ENCRYPTION_KEY: key }: ReturnType<typeof serviceEnv>) {
  const encryptionKey = Buffer.from(key, 'base64')
  const { makeToken } = createSessions({ apiKey, encryptionKey, now: () => new Date() })
  return `${baseUrl}/#token=${makeToken()}`
}

async function startService(env: NodeJS.ProcessEnv, port: number): Promise<string> {
  const shown = (raw: string) => show(serviceLines(raw))
  const service = follow(startPart({ name: 'service', command: ['src/server.ts'], env, show: shown }))
  stop.add('service', () => service.stop(15_000))
  const baseUrl = `http://${reach.includes(':') ? `[${reach}]` : reach}:${port}`
  await untilAnswered(service, `${baseUrl}/readyz`)
  return baseUrl
}

/** A part that ends by itself takes the others with it. */
function follow(part: Part): Part {
  void part.ended.then((how) => fail(new StartError(`The ${part.name} ${how}; everything else is stopped.`)))
  return part
}

function fail(error: unknown): void {
  // What breaks while everything is being stopped breaks because of that.
  if (stop.isUnderWay()) return
  const isForPeople = error instanceof StartError || !(error instanceof Error)
  process.stderr.write(`${isForPeople ? String(error).replace(/^StartError: /, '') : error.stack}\n`)
  void stop.begin(1)
}

function say(text: string): void {
  show(line('start', text))
}

function show(text: string | null): void {
  if (text !== null) process.stdout.write(`${text}\n`)
}
