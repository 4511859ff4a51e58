import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { Miniflare } from 'miniflare'

/**
 * The Cloudflare host of the relay on workerd, the runtime that Cloudflare runs, with the variables of the Node host:
 * PORT, RELAY_DATABASE (a folder here), RELAY_URL, RELAY_ADMIN_SECRET, RELAY_ALLOW. For tests and for trying it out.
 */
const env = process.env
const folder = env['RELAY_DATABASE'] ?? '.chronos/relay-worker'
const config = fileURLToPath(new URL('../../relay/worker/wrangler.jsonc', import.meta.url))

const bundled = await build({
  entryPoints: [fileURLToPath(new URL('../../relay/worker/index.ts', import.meta.url))],
  bundle: true,
  write: false,
  format: 'esm',
  target: 'es2024',
  conditions: ['workerd', 'worker', 'browser'],
  external: ['cloudflare:*'],
})
const wrangler = JSON.parse((await readFile(config, 'utf8')).replace(/^\s*\/\/.*$/gm, '')) as {
  compatibility_date: string
  compatibility_flags: string[]
  durable_objects: { bindings: { name: string; class_name: string }[] }
}
const miniflare = new Miniflare({
  host: env['HOST'] ?? '127.0.0.1',
  port: Number(env['PORT'] ?? 8787),
  modules: true,
  script: bundled.outputFiles[0]?.text ?? '',
  compatibilityDate: wrangler.compatibility_date,
  compatibilityFlags: wrangler.compatibility_flags,
  durableObjects: Object.fromEntries(
    wrangler.durable_objects.bindings.map((one) => [
      one.name,
      { className: one.class_name, useSQLite: true },
    ]),
  ),
  durableObjectsPersist: folder,
  bindings: Object.fromEntries(
    Object.entries(env).filter(([name, value]) => name.startsWith('RELAY_') && value),
  ),
})
const url = await miniflare.ready
console.log(`${new Date().toISOString()} info listening url=${url.origin} database=${folder}`)
const stop = () => void miniflare.dispose().then(() => process.exit(0))
process.on('SIGTERM', stop)
process.on('SIGINT', stop)
