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
import type { Options } from './options.ts'
import type { Setting, Side } from './run.ts'

const file = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url))

/** For tests of the kit: proxies in between, and where the build is. */
type Parts = { between?: Between; dist?: string }

/** Everything that the clauses are tried on, as the options say; `close` leaves nothing behind. */
export async function prepare(options: Options, { between = {}, dist = file('dist') }: Parts = {}) {
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
      throw new Error('There is no dist/server.js. Run `npm run build` first.')
    const target = await createTarget({
      ...(options.target && { publicUrl: options.target }),
      ...(options['target-port'] && { port: options['target-port'], host: '0.0.0.0' }),
    })
    closers.push(target.close)
    const databases = startsOwn.service
      ? await openDatabases({
          ...(options.database && { url: options.database }),
          migrate: `${dist}/migrate.js`,
        })
      : null
    if (databases) closers.push(databases.close)
    const setting: Setting = {
      seed: options.seed,
      server,
      nas: file('dev/nas/main.ts'),
      relay: options.relay ? file('relay/node/main.ts') : null,
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

/** Whoever points at one side means that one; `--side` says otherwise. */
function sidesOf({ side, url, nas, relay }: Options): Side[] {
  if (relay) return ['nas']
  if (side !== undefined) return [side as Side]
  if ((url === undefined) === (nas === undefined)) return ['service', 'nas']
  return url === undefined ? ['nas'] : ['service']
}

async function pointAtService(options: Options, target: Target, closers: (() => Promise<unknown>)[]) {
  if (options.url === undefined) return null
  const { url, key, portal: portalUrl } = options
  const place = new URL(options.listen ? `http://${options.listen}` : (portalUrl ?? 'http://127.0.0.1:0'))
  const portal = await createPortal({
    ...(portalUrl && {
      host: place.hostname,
      port: Number(place.port || 80),
      publish: () => portalUrl.replace(/\/$/, ''),
    }),
    ...(options['portal-token'] && { accessToken: options['portal-token'] }),
    audience: options.audience,
  })
  closers.push(portal.close)
  const made: string[] = []
  const world: World = describeWorld({
    url: url.replace(/\/$/, ''),
    key: key ?? '',
    portal,
    target,
    onJob: (id) => made.push(id),
  })
  closers.push(async () => {
    for (const id of made) await world.api.delete(`/api/jobs/${id}`).catch(() => null)
  })
  const isNear = ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(url).hostname)
  const has: Need[] = []
  if (key) has.push('key')
  if (portalUrl) has.push('portal')
  if (options.target || isNear) has.push('target')
  return { world, has }
}

async function pointAtNas(options: Options, closers: (() => Promise<unknown>)[]): Promise<Nas | null> {
  if (options.nas === undefined) return null
  const agent = await createAgent({
    ...(options.agent && { publicUrl: options.agent }),
    ...(options['agent-port'] && { port: options['agent-port'], host: '0.0.0.0' }),
  })
  closers.push(agent.close)
  return describeNas({
    url: options.nas,
    accessToken: options['nas-token']!,
    audience: options['nas-audience']!,
    agent,
    hasFirewall: !options['no-nas-firewall'],
  })
}
