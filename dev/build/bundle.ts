import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type BuildOptions, build as esbuild, type Metafile, type Plugin } from 'esbuild'
import { migrations } from '../../db/migrations.ts'
import { toAscii } from './ascii.ts'
import { laterPackages, withLater } from './later.ts'

/** The programs of the service, and of the relay's Node host, that are shipped as one file each. */
export const serviceEntryPoints = ['src/server.ts', 'src/migrate.ts']
export const relayEntryPoints = ['relay/node/main.ts']

/** A file that Node runs alone, as small as it gets with readable names. */
export const oneFile = {
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node26',
  metafile: true,
  minifySyntax: true,
  minifyWhitespace: true,
  // It would set the name of every closure each time that one is made, on the way of a fire too. Only a name that two
  // modules give gets a number, and no class of errors has one (test/check/build.test.ts)
  keepNames: false,
  legalComments: 'eof',
  logLevel: 'warning',
} as const satisfies BuildOptions

/**
 * Bundles each entry point, with all that it imports, into one file in `outdir` that needs no node_modules beside
 * it. What the source loads by `await import()` is in the file, and is still evaluated only when it is asked for.
 *
 * CommonJS, because a static `import` of node:http from an ES module costs 50 ms at boot (it reads every export of
 * the module, undici among them), and because a lone `.js` file without package.json is CommonJS without a second
 * look. The price: no top-level await in what is bundled.
 */
export async function bundle(entryPoints: string[], outdir: string): Promise<Metafile> {
  const { metafile, outputFiles } = await esbuild({
    entryPoints,
    outdir,
    ...oneFile,
    // `require`, put off: a script that is started from a code cache (dev/image/boot.cjs) has no loader of modules.
    supported: { 'dynamic-import': false },
    plugins: [laterPackages, embedMigrations, embedHandlers, placePage, leaveOutDev, lateBuiltins],
    write: false,
  })
  await mkdir(outdir, { recursive: true })
  const built = Object.values(metafile.outputs)
  for (const [n, { path, text }] of outputFiles.entries()) {
    const whole = await withLater(toAscii(text), built[n]?.inputs ?? {}, oneFile)
    await writeFile(path, whole.text)
    Object.assign(metafile.inputs, whole.inputs)
  }
  return metafile
}

/** The command `chronos`, as one file that runs on every Node that the package takes. */
export async function bundleCommand(outfile: string): Promise<Metafile> {
  const { metafile } = await esbuild({
    ...oneFile,
    entryPoints: ['cli/main.ts'],
    outfile,
    ...{ format: 'esm', target: 'node20', charset: 'ascii' },
    // a library of it is CommonJS
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  })
  await chmod(outfile, 0o755)
  return metafile
}

/**
 * These packages ask for these builtins as they are loaded, and need them later or never: Fastify https and http2, because
 * TLS ends at a proxy before; postgres tls, if its URL asks for none; all of them assert, as long as nothing is wrong.
 * https and http2 alone are about 45 ms of a boot. What is in their place loads them when one of their functions is first
 * used. Not for named imports of an ES module.
 */
const lateBuiltins: Plugin = {
  name: 'late-builtins',
  setup(build) {
    const eager = /[\\/]node_modules[\\/](fastify|find-my-way|light-my-request|pino|sonic-boom|postgres)[\\/]/
    build.onResolve(
      { filter: /^(node:)?(https|http2|tls|assert|perf_hooks|worker_threads)$/ },
      ({ path, importer }) =>
        eager.test(importer) ? { path: path.replace(/^node:/, ''), namespace: 'late' } : undefined,
    )
    // the threads of pino's transports, which are not used here; and what compares the version of Fastify with those that its
    // plugins ask for, which the tests, that run the source, have done for all that is in the file
    build.onResolve({ filter: /^(thread-stream|semver)$/ }, ({ path, importer }) =>
      path === 'semver' && !eager.test(importer) ? undefined : { path, namespace: 'late' },
    )
    build.onLoad({ filter: /.*/, namespace: 'late' }, ({ path }) => ({
      contents: inPlaceOf(path),
      loader: 'js',
    }))
  },
}

function inPlaceOf(builtin: string): string {
  if (builtin === 'thread-stream') return 'module.exports = null'
  if (builtin === 'semver') return 'module.exports = { satisfies: () => true }'
  const real = `require('node:${builtin}')`
  const own = {
    // all that they ask of it, and a global as well
    perf_hooks: '{ performance }',
    // what loads the file is the main thread
    worker_threads: '{ isMainThread: true }',
    assert: `(is, ...why) => { if (!is) ${real}(is, ...why) }`,
  }[builtin]
  // an import of it asks whether it was an ES module, which none is
  return `module.exports = new Proxy(${own ?? '{}'}, {
    get: (own, name) => name === '__esModule' ? undefined : own[name] ?? ${real}[name],
  })`
}

/** db/migrations.ts reads a folder beside itself; in one lone file its list is written out instead. */
const embedMigrations: Plugin = {
  name: 'embed-migrations',
  setup(build) {
    build.onLoad({ filter: /[\\/]db[\\/]migrations\.ts$/ }, () => ({
      contents: `export const migrations = ${JSON.stringify(migrations)}`,
      loader: 'js',
    }))
  },
}

/**
 * src/handlers/found.ts reads the folder `handlers/`; in one lone file a list is written out instead. Each handler is in
 * the file, and is evaluated when it is first fired. One whose file is added needs a new build.
 */
const embedHandlers: Plugin = {
  name: 'embed-handlers',
  setup(build) {
    build.onLoad({ filter: /[\\/]src[\\/]handlers[\\/]found\.ts$/ }, async ({ path }) => {
      const folder = join(path, '../../../handlers')
      const files = await readdir(folder).catch(() => [])
      const lines = files
        .filter((file) => file.endsWith('.ts'))
        .toSorted()
        .map((file) => {
          const name = JSON.stringify(file.slice(0, -'.ts'.length))
          return `[${name}, () => import(${JSON.stringify(join(folder, file))})],`
        })
      return { contents: `export const modules = new Map([${lines.join('\n')}])`, loader: 'js' }
    })
  },
}

/** The page lies beside the source in development (src/ground/web-folder.ts), and beside a lone file. */
const placePage: Plugin = {
  name: 'place-page',
  setup(build) {
    build.onLoad({ filter: /[\\/]src[\\/]ground[\\/]web-folder\.ts$/ }, () => ({
      contents: `import { join } from 'node:path'; export const webFolder = join(__dirname, 'web')`,
      loader: 'js',
    }))
  },
}

/** Development tools may be asked for by `await import()`; in a shipped file that import fails, as it must. */
const leaveOutDev: Plugin = {
  name: 'leave-out-dev',
  setup(build) {
    build.onResolve({ filter: /^(\.\.\/)+dev\// }, ({ path, kind }) =>
      kind === 'dynamic-import' ? { path, external: true } : undefined,
    )
  },
}

/** The packages that are evaluated as soon as `entryPoint` is: reached by static imports alone. Sorted. */
export function eagerPackages(metafile: Metafile, entryPoint: string): string[] {
  const reached = new Set([entryPoint])
  for (const path of reached) {
    for (const found of metafile.inputs[path]?.imports ?? []) {
      if (found.kind !== 'dynamic-import' && !found.external) reached.add(found.path)
    }
  }
  const names = [...reached].map((path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1])
  return [...new Set(names.filter((name) => name !== undefined))].toSorted()
}
