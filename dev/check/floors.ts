import { isBuiltin } from 'node:module'
import { posix, relative } from 'node:path'

/**
 * The lint rules of this project, loaded by oxlint (.oxlintrc.json).
 *
 * `chronos/floors` knows the place of a file and its imports. It refuses an import that points up or sideways, goes past
 * a package's door (`index.ts`), or takes an outside library from a package that does not own it. Unlike
 * `no-restricted-imports` it follows `await import()` too, which is how most of the service is loaded.
 *
 * `chronos/names` refuses names of types that say nothing.
 */
export default {
  meta: { name: 'chronos' },
  rules: { floors: { create: watchImports }, names: { create: watchNames } },
}

/** Names that say nothing: whatever a function is given is its `…Needs`. */
const emptyName = /(?:Parts|Deps)$/

function watchNames(context: Context) {
  const look = (node: Node) => {
    const name = node.id?.name ?? ''
    if (emptyName.test(name)) context.report({ node, message: `type ${name}: name it for its user, …Needs` })
  }
  return { TSTypeAliasDeclaration: look, TSInterfaceDeclaration: look }
}

/** Floor 4: the process, and the wiring by hand. */
const wiring = [
  'src/server.ts',
  'src/app.ts',
  'src/served.ts',
  'src/migrate.ts',
  'src/core.ts',
  'src/effects.ts',
  'src/early.ts',
  'src/late.ts',
  'src/http.ts',
  'src/early.ts',
  'src/identity.ts',
]

/** Floor 2: what the service does. Stories of one floor may call each other, file by file. */
const stories = [
  'src/run',
  'src/arming',
  'src/jobs',
  'src/delivery',
  'src/attempt-logs',
  'src/history',
  'src/access',
  'src/vault',
  'src/process',
]

/** Packages of floor 1: each wraps one outside thing, and none knows another's values. */
const outsideThings = [
  'src/timers/nas',
  'src/timers/qstash',
  'src/timers/cloud-tasks',
  'src/timers/pg',
  'src/actions',
  'src/delivery/senders',
  'src/vault/seal',
  'src/telemetry',
  'db',
]

/** Packages of floor 1 that touch nothing outside: what they compute may be used by their neighbours. */
const pure = [
  'src/columns',
  'src/schedule',
  'src/decisions',
  'src/template',
  'src/redact',
  'src/handlers',
  'src/access/keys',
]

/**
 * What all of floor 1 may use, so that the rules are the same for all: the guarded way out, the proof that a fire's token
 * is good, what timers have in common, and how Postgres is reached (before `db` is loaded).
 */
const shared = ['src/outbound', 'src/token', 'src/timers', 'db/login']

/** Floor 0: what everyone stands on. It has no door: each file is one small thing. */
const ground = 'src/ground'

/**
 * The relay: decisions on web standards alone, and a folder for each place that it runs in. It is deployed alone, so that
 * nothing of the service is in it, and nothing of it in the service.
 */
const relayCore = 'relay/core'
const relayHosts = ['relay/node', 'relay/worker']

/** The command `chronos`: it talks to a service over HTTP alone, and is shipped as a file of its own. It stands on the ground. */
const command = 'cli'

/** The package `@chronos/client`: it talks to a service over HTTP alone, on any runtime, and is published by itself. */
const client = 'client'

/** The only places that may take values from a library. `import type` is free: it is gone at run time. */
const libraryOwners: Record<string, readonly string[]> = {
  jose: ['src/token', 'src/timers/qstash', 'src/timers/cloud-tasks', relayCore],
  ky: ['src/delivery/senders'],
  'ipaddr.js': ['src/outbound', relayCore],
  nodemailer: ['src/delivery/senders'],
  standardwebhooks: ['src/delivery/senders'],
  croner: ['src/schedule'],
  'ical.js': ['src/schedule'],
  'eventsource-parser': ['src/actions', command],
  'eventsource-parser/stream': [client],
  'openapi-fetch': [client],
  commander: [command],
  yaml: [command],
  'drizzle-orm': ['db'],
  postgres: ['db'],
  'prom-client': ['src/telemetry'],
  '@modelcontextprotocol/server': ['routes'],
  fastify: ['routes', 'src/app.ts', 'src/http.ts'],
  '@fastify/auth': ['routes', 'src/app.ts'],
  // The environment is read in one place: `import { env } from 'node:process'` would go round no-process-env.
  'node:process': ['src/ground/config.ts'],
  process: ['src/ground/config.ts'],
}

/**
 * The page: it runs in a browser, and knows the API by its types alone. Its parts know no page, and nothing of it is in
 * the service.
 */
const page = 'web'
const pageParts = 'web/parts/'
const typesOfApi = 'routes/schemas/index.ts'
const pageLibraries = ['preact', '@preact/signals', 'uplot']

type Place = { file: string; pack: string; floor: number }
type Import = { from: Place; specifier: string; typeOnly: boolean; lazy: boolean }

const packages = [...stories, ...outsideThings, ...pure, ...shared, ground, relayCore, ...relayHosts]
  // the innermost folder decides: `src/delivery/senders` is not `src/delivery`
  .toSorted((one, other) => other.length - one.length)

function place(file: string): Place {
  const [top = ''] = file.split('/')
  const pack = packages.find((folder) => file.startsWith(`${folder}/`)) ?? (top === 'src' ? file : top)
  return { file, pack, floor: floorOf(pack) }
}

function floorOf(pack: string): number {
  if (pack === ground) return 0
  if ([...outsideThings, ...pure, ...shared].includes(pack)) return 1
  if (stories.includes(pack)) return 2
  if (pack === 'routes') return 3
  if (wiring.includes(pack)) return 4
  if (pack === relayCore) return 1
  if (relayHosts.includes(pack)) return 2
  return Number.POSITIVE_INFINITY
}

/** Why this import is refused, as a sentence; null if it is fine. */
function objection(found: Import): string | null {
  return found.specifier.startsWith('.') ? pathObjection(found) : libraryObjection(found)
}

function libraryObjection({ from, specifier, typeOnly }: Import): string | null {
  if (from.pack === relayCore && isBuiltin(specifier) && !typeOnly)
    return `${from.file} imports '${specifier}'; ${relayCore} runs on web standards alone, in workerd too`
  if (
    from.pack === page &&
    !typeOnly &&
    !pageLibraries.some((name) => `${specifier}/`.startsWith(`${name}/`))
  )
    return `${from.file} imports '${specifier}'; the page is made of ${pageLibraries.join(', ')}`
  const owned = Object.entries(libraryOwners).find(([name]) => `${specifier}/`.startsWith(`${name}/`))
  if (!owned || typeOnly || owned[1].includes(from.pack)) return null
  return `'${owned[0]}' is imported in ${from.pack}; only ${owned[1].join(', ')} may`
}

/** Values from the page's own folder and libraries; types from the API's schemas as well. */
function pageObjection({ from, specifier, typeOnly }: Import, to: Place): string | null {
  if (to.pack !== page)
    return typeOnly && to.file === typesOfApi
      ? null
      : `${from.file} imports ${to.file}: the page takes types from ${typesOfApi}, and nothing else`
  const isUp = from.file.startsWith(pageParts) && /^web\/(?:pages|now|jobs|job)\//.test(to.file)
  return isUp ? `${from.file} imports up: ${specifier} is a page, and parts know none` : null
}

function isOfRelay({ file }: Place): boolean {
  return file.startsWith('relay/')
}

function pathObjection({ from, specifier, typeOnly, lazy }: Import): string | null {
  const to = place(posix.normalize(posix.join(posix.dirname(from.file), specifier)))
  if (from.floor === Number.POSITIVE_INFINITY && from.file.startsWith('src/'))
    return `${from.file} has no floor: put it into one of the folders that dev/check/floors.ts names`
  if (from.pack === page) return pageObjection({ from, specifier, typeOnly, lazy }, to)
  if (to.pack === page) return `${from.file} imports ${to.file}: the page is built apart`
  if (to.pack === from.pack) return null
  if (from.pack === command && (to.file === 'package.json' || to.pack === ground)) return null
  if (from.pack === client || to.pack === client)
    return `${from.file} imports ${to.file}: the client is published by itself`
  if (from.pack === command || to.pack === command)
    return `${from.file} imports ${to.file}: the command and the service are shipped apart`
  if (isOfRelay(from) !== isOfRelay(to))
    return `${from.file} imports ${to.file}: the relay and the service are deployed apart`
  if (to.pack === 'dev' && from.floor === 4 && lazy) return null
  if (['dev', 'test', 'bench'].includes(to.pack))
    return `${from.file} imports ${to.file}: ${to.pack}/ is not shipped`
  const hasDoor = ![ground, ...stories, ...wiring].includes(to.pack)
  if (hasDoor && to.file !== `${to.pack}/index.ts`)
    return `${to.file} is past the door of ${to.pack}; import ${to.pack}/index.ts`
  if (isOfRelay(from) && relayHosts.includes(to.pack))
    return `${from.pack} imports ${to.pack}: a host is on its own`
  if (to.floor > from.floor)
    return `${from.pack} (floor ${from.floor}) imports up: ${to.pack} (floor ${to.floor})`
  if (from.floor === 1 && outsideThings.includes(to.pack) && !typeOnly)
    return `${from.pack} imports sideways: ${to.pack} wraps another outside thing; take it as an argument`
  return null
}

// The part of oxlint's plugin interface (that of ESLint) that is used here.
type Node = {
  id?: { name?: string }
  source?: { type: string; value?: unknown } | null
  importKind?: string
  exportKind?: string
  specifiers?: readonly { importKind?: string; exportKind?: string }[]
}
type Context = { filename: string; cwd: string; report(problem: { node: Node; message: string }): void }

function watchImports(context: Context) {
  const file = relative(context.cwd, context.filename).replaceAll('\\', '/')
  const from = place(file)
  const look = (lazy: boolean) => (node: Node) => {
    const specifier = node.source?.value
    if (typeof specifier !== 'string') return
    const message = objection({ from, specifier, typeOnly: isTypeOnly(node), lazy })
    if (message) context.report({ node, message })
  }
  return {
    ImportDeclaration: look(false),
    ExportNamedDeclaration: look(false),
    ExportAllDeclaration: look(false),
    ImportExpression: look(true),
  }
}

function isTypeOnly(node: Node): boolean {
  if (node.importKind === 'type' || node.exportKind === 'type') return true
  const names = node.specifiers ?? []
  return names.length > 0 && names.every((name) => name.importKind === 'type' || name.exportKind === 'type')
}
