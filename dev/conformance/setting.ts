import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createAgent } from './kit/agent.ts'
import type { Between } from './kit/bench.ts'
import type { Need } from './kit/clause.ts'
import { openDatabases } from './kit/database.ts'
import { describeNas, type Nas } from './kit/nas.ts'
import { createPortal } from './kit/portal.ts'
import { createTarget, type Target } from './kit/target.ts'
import { describeWorld, type World } from './kit/world.ts'
import { OptionError, type Options, type Place } from './options.ts'
import { probeNas, probeService } from './probe.ts'
import type { Setting, Side } from './run.ts'

const file = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url))

const relayPrograms = { node: 'relay/node/main.ts', worker: 'dev/relay/worker.ts' }

/** For tests of the kit: proxies in between, and where the build is. */
type SettingNeeds = { between?: Between; dist?: string }

/** Everything that the clauses are tried on, as the options say; `close` leaves nothing behind. */
export async function prepare(
  options: Options,
  { between = {}, dist = options.dist ?? file('dist') }: SettingNeeds = {},
) {
  const closers: (() => Promise<unknown>)[] = []
  const server = `${dist}/server.js`
  const sides = sidesOf(options)
  const startsOwn = {
    service: sides.includes('service') && options.url === undefined,
    nas: sides.includes('nas') && options.nas === undefined,
  }
  const close = async () => {
    for (const closer of closers.toReversed()) await closer()
  }
  try {
    if (startsOwn.service && !existsSync(server))
      throw new OptionError(`There is no ${server}. Run \`npm run build\` first.`)
    const targetPort = options['target-port']
    const target = await createTarget({
      ...(options.target && { publicUrl: options.target }),
      ...(targetPort !== undefined && { port: targetPort, host: '0.0.0.0' }),
    }).catch(
      sayWhere('--target-port', targetPort === undefined ? undefined : { host: '0.0.0.0', port: targetPort }),
    )
    closers.push(target.close)
    const databases = startsOwn.service ? await openOrSay(options.database, `${dist}/migrate.js`) : null
    if (databases) closers.push(databases.close)
    const setting: Setting = {
      seed: options.seed,
      server,
      nas: file('dev/nas/main.ts'),
      relay: options.relay ? file(relayPrograms[options.relayHost]) : null,
      databases,
      target,
      between,
      sides,
      startsOwn,
      pointedAt: await pointAtService(options, target, closers),
      pointedNas: await pointAtNas(options, closers),
      only: (clause, group) =>
        options.only.length === 0 || options.only.some((text) => group === text || clause.includes(text)),
    }
    return { setting, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** If only one side is pointed at, that one is meant; `--side` says otherwise. */
function sidesOf({ side, url, nas, relay }: Options): Side[] {
  if (relay) return ['nas']
  if (side !== undefined) return [side as Side]
  if ((url === undefined) === (nas === undefined)) return ['service', 'nas']
  return url === undefined ? ['nas'] : ['service']
}

async function openOrSay(url: string | undefined, migrate: string) {
  return openDatabases({ ...(url && { url }), migrate }).catch((error: Error) => {
    throw url ? new OptionError(`--database: ${error.message}`) : error
  })
}

async function pointAtService(
  options: Options,
  target: Target,
  closers: (() => Promise<unknown>)[],
): Promise<Setting['pointedAt']> {
  if (options.url === undefined) return null
  const { url, key, portal: portalUrl, listen } = options
  const portal = await createPortal({
    ...(portalUrl && { ...listen, publish: () => portalUrl.replace(/\/+$/, '') }),
    ...(options['portal-token'] && { accessToken: options['portal-token'] }),
    audience: options.audience,
  }).catch(sayWhere('--listen', listen))
  closers.push(portal.close)
  const made = new Set<string>()
  const world: World = describeWorld({
    url: url.replace(/\/+$/, ''),
    key: key ?? '',
    portal,
    target,
    onJob: (id) => void made.add(id),
  })
  closers.push(async () => {
    for (const id of made) await world.api.delete(`/api/jobs/${id}`).catch(() => null)
  })
  const unreached = await probeService({
    world,
    hasKey: key !== undefined,
    hasPortal: portalUrl !== undefined,
    isTargetGiven: options.target !== undefined,
  })
  const missing: Partial<Record<Need, string>> = {
    ...(key === undefined && { key: 'an API key (--key)' }),
    ...(portalUrl === undefined && { portal: 'the place of its portal (--portal)' }),
    ...(unreached !== null && {
      target: `a target that the service reaches (--target, TARGET_ALLOW): ${unreached}`,
    }),
  }
  return { world, missing }
}

async function pointAtNas(options: Options, closers: (() => Promise<unknown>)[]): Promise<Nas | null> {
  if (options.nas === undefined) return null
  const port = options['agent-port']
  const agent = await createAgent({
    ...(options.agent && { publicUrl: options.agent }),
    ...(port !== undefined && { port, host: '0.0.0.0' }),
  }).catch(sayWhere('--agent-port', port === undefined ? undefined : { host: '0.0.0.0', port }))
  closers.push(agent.close)
  const nas = describeNas({
    url: options.nas,
    accessToken: options['nas-token']!,
    audience: options['nas-audience']!,
    agent,
    hasFirewall: !options['no-nas-firewall'],
  })
  closers.push(async () => {
    for (const id of nas.jobIds) await nas.cancel(id).catch(() => null)
  })
  await probeNas(nas)
  return nas
}

function sayWhere(option: string, place: Place | undefined) {
  return (error: NodeJS.ErrnoException) => {
    if (error.syscall !== 'listen' && error.syscall !== 'getaddrinfo') throw error
    throw new OptionError(
      `${option}: the kit cannot listen at ${place?.host}:${place?.port} (${error.code}).`,
    )
  }
}
