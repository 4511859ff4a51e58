import { posix, relative } from 'node:path'

/**
 * The lint rule `chronos/floors`, loaded by oxlint (.oxlintrc.json). It reads where a file stands and what it
 * imports, and refuses an import that points up or sideways, goes past a package's door (`index.ts`), or takes
 * an outside library from a package that does not own it. Unlike `no-restricted-imports` it follows
 * `await import()` too, which is how most of the service is loaded.
 */
export default {
  meta: { name: 'chronos' },
  rules: { floors: { create: watchImports } },
}

/** Packages of floor 1: each wraps one outside thing, and none knows another's values. */
const outsideThings = ['src/token', 'src/nas', 'src/actions', 'src/deliveries', 'src/seal', 'db']

/** Packages of floor 1 that touch nothing outside: what they compute may be used by their neighbours. */
const pure = ['src/schedule', 'src/decisions', 'src/template', 'src/redact', 'src/handlers']

/** The guarded way out. All of floor 1 that calls what a user names shares it, so that the rules are the same for all. */
const shared = ['src/outbound']

const groundFloor = [
  'src/config.ts',
  'src/privileges.ts',
  'src/errors.ts',
  'src/portal.ts',
  'src/allow.ts',
  'src/text.ts',
  'src/database-url.ts',
  'src/database-parameters.ts',
]

/** The only places that may take values from a library. `import type` is free: it is gone at run time. */
const libraryOwners: Record<string, readonly string[]> = {
  jose: ['src/token'],
  ky: ['src/deliveries'],
  'ipaddr.js': ['src/outbound'],
  nodemailer: ['src/deliveries'],
  standardwebhooks: ['src/deliveries'],
  croner: ['src/schedule'],
  'drizzle-orm': ['db'],
  postgres: ['db'],
  fastify: ['routes', 'src/app.ts'],
  '@fastify/auth': ['routes', 'src/app.ts'],
  // The environment is read in one place: `import { env } from 'node:process'` would go round no-process-env.
  'node:process': ['src/config.ts'],
  process: ['src/config.ts'],
}

type Place = { file: string; pack: string; floor: number }
type Import = { from: Place; specifier: string; typeOnly: boolean; lazy: boolean }

function place(file: string): Place {
  const [top = '', second = ''] = file.split('/')
  const isFolder = top !== 'src' || file.split('/').length > 2
  const pack = top === 'src' && isFolder ? `src/${second}` : isFolder ? top : file
  return { file, pack, floor: floorOf(pack) }
}

function floorOf(pack: string): number {
  if (groundFloor.includes(pack)) return 0
  if ([...outsideThings, ...pure, ...shared].includes(pack)) return 1
  if (pack === 'routes') return 3
  if (['src/app.ts', 'src/server.ts', 'src/migrate.ts'].includes(pack)) return 4
  return pack.startsWith('src/') ? 2 : Number.POSITIVE_INFINITY
}

/** Why this import is refused, as a sentence; null where it is fine. */
function objection(found: Import): string | null {
  return found.specifier.startsWith('.') ? pathObjection(found) : libraryObjection(found)
}

function libraryObjection({ from, specifier, typeOnly }: Import): string | null {
  const owned = Object.entries(libraryOwners).find(([name]) => `${specifier}/`.startsWith(`${name}/`))
  if (!owned || typeOnly || owned[1].includes(from.pack)) return null
  return `'${owned[0]}' is imported in ${from.pack}; only ${owned[1].join(', ')} may`
}

function pathObjection({ from, specifier, typeOnly, lazy }: Import): string | null {
  const to = place(posix.normalize(posix.join(posix.dirname(from.file), specifier)))
  if (to.pack === from.pack) return null
  if (to.pack === 'dev' && from.floor === 4 && lazy) return null
  if (['dev', 'test', 'bench'].includes(to.pack))
    return `${from.file} imports ${to.file}: ${to.pack}/ is not shipped`
  if (to.file !== to.pack && to.file !== `${to.pack}/index.ts`)
    return `${to.file} is past the door of ${to.pack}; import ${to.pack}/index.ts`
  if (to.floor > from.floor)
    return `${from.pack} (floor ${from.floor}) imports up: ${to.pack} (floor ${to.floor})`
  if (from.floor === 1 && outsideThings.includes(to.pack) && !typeOnly)
    return `${from.pack} imports sideways: ${to.pack} wraps another outside thing; take it as an argument`
  return null
}

// The part of oxlint's plugin interface (that of ESLint) that is used here.
type Node = {
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
