import { hash } from 'node:crypto'
import { relative, resolve } from 'node:path'
import { type BuildOptions, build as esbuild, type Metafile, type Plugin } from 'esbuild'
import { toAscii } from './ascii.ts'

/**
 * Packages that no boot and no fire needs, more than half of all that is bundled. A test boots and fires without them
 * (test/service/shipped.test.ts).
 */
const packages = [
  '@fastify/ajv-compiler',
  '@fastify/fast-json-stringify-compiler',
  '@modelcontextprotocol/server',
  'drizzle-orm',
  'ical.js',
  'light-my-request',
  'nodemailer',
  'prom-client',
  'typebox',
]

const namespace = 'later'
const filter = new RegExp(`^(?:${packages.map((name) => name.replaceAll('.', '\\.')).join('|')})(?:/.*)?$`)

/**
 * Puts such packages into a part of their own, behind what a fire needs in the same file, as comments: the image reads
 * and compiles that part when the first of them is asked for (dev/image/boot.cjs), and Node passes over it if it runs the
 * file by itself. To read, compile and keep it at each boot cost 5 ms and 6 MB.
 */
export const laterPackages: Plugin = {
  name: 'later-packages',
  setup(build) {
    build.onResolve({ filter }, async ({ path, pluginData, ...asked }) => {
      if (pluginData === namespace) return undefined
      const found = await build.resolve(path, { ...asked, pluginData: namespace })
      return found.errors.length > 0 ? found : { path: keyOf(found.path), namespace }
    })
    build.onLoad({ filter: /.*/, namespace }, async ({ path }) => {
      const asked = `require(${JSON.stringify(partPath)})(${JSON.stringify(path)})`
      const names = await exportsOf(path)
      if (!names) return { contents: `module.exports = ${asked}` }
      const [read, given] = [
        names.map((name, n) => `${JSON.stringify(name)}: v${n}`),
        names.map((name, n) => `v${n} as ${name}`),
      ]
      return { contents: `const { ${read.join(', ')} } = ${asked}\nexport { ${given.join(', ')} }` }
    })
    build.onResolve({ filter: new RegExp(`^${partPath}$`) }, ({ path }) => ({ path, namespace: 'part' }))
    build.onLoad({ filter: /.*/, namespace: 'part' }, () => ({ contents: part }))
  },
}

const partPath = 'chronos:later'
const keyOf = (path: string) => relative(process.cwd(), path)

const hashPlace = 'the hash of that part'
/**
 * Loads a package of the other part of the file that it stands in. An upgrade may have written over that file since
 * this process started.
 */
const part = `
const { hash } = require('node:crypto')
let packages
module.exports = (key) => (packages ??= load())[key]()
function load() {
  const { read, compile } = globalThis[Symbol.for('chronos.later')] ?? alone
  const bytes = read()
  if (hash('sha256', bytes) !== '${hashPlace}')
    throw new Error(__filename + ' is another one than this process was started from. Restart it.')
  const loaded = { exports: {} }
  compile(bytes).call(loaded.exports, loaded.exports, require, loaded, __filename, __dirname)
  return loaded.exports
}
const alone = {
  read() {
    const bytes = require('node:fs').readFileSync(__filename)
    const [trailer = '', length = 0] = /\\n\\/\\/(\\d+)$/.exec(bytes.subarray(-16).latin1Slice()) ?? []
    const end = bytes.length - trailer.length
    return bytes.subarray(end - length, end)
  },
  compile(bytes) {
    const text = bytes.latin1Slice().slice(2).replaceAll('\\n//', '\\n')
    return new (require('node:vm').Script)(text, { filename: __filename + ':later' }).runInThisContext()
  },
}`

/** The names that an ES module exports; null: it is none. */
async function exportsOf(path: string): Promise<string[] | null> {
  const options = {
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'silent',
  } as const
  const { metafile } = await esbuild({ ...options, entryPoints: [path], outdir: '/' })
  if (metafile.inputs[path]?.format !== 'esm') return null
  return Object.values(metafile.outputs)[0]?.exports ?? []
}

/**
 * `text`, an output of a build with `laterPackages` whose inputs are `inputs`, with the part behind it that it needs. The last
 * line says how many bytes that is, so something may be put before the file.
 */
export async function withLater(
  text: string,
  inputs: Metafile['outputs'][string]['inputs'],
  options: BuildOptions & { metafile: true },
): Promise<{ text: string; inputs: Metafile['inputs'] }> {
  const paths = Object.keys(inputs)
    .filter((path) => path.startsWith(`${namespace}:`))
    .map((path) => path.slice(namespace.length + 1))
  if (paths.length === 0) return { text, inputs: {} }
  const loads = paths.map(
    (path) => `${JSON.stringify(path)}: () => require(${JSON.stringify(resolve(path))})`,
  )
  const built = await esbuild({
    ...options,
    stdin: { contents: `module.exports = { ${loads.join(', ')} }`, resolveDir: '/' },
    write: false,
  })
  const code = toAscii(built.outputFiles[0]?.text ?? '')
  const wrapped = `(function (exports, require, module, __filename, __dirname) {${code}\n})`
  const lines = `//${wrapped.replaceAll('\r', '').replaceAll('\n', '\n//')}`
  const whole = text.replace(hashPlace, hash('sha256', lines))
  return { text: `${whole}\n${lines}\n//${lines.length}`, inputs: built.metafile.inputs }
}
