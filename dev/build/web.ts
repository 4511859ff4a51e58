import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import { build } from 'esbuild'

const sources = fileURLToPath(new URL('../../web/', import.meta.url))

/** A file of the page, and its bytes over the network. */
export type WebFile = { name: string; bytes: number; gzipped: number }

/**
 * Builds the page from `web/` into `folder`: `index.html`, `app-HASH.js` and `app-HASH.css`, each also compressed (`.br`,
 * `.gz`). A name has the hash of its content, so that a browser may keep the file for ever. What was in the folder is
 * removed first.
 */
export async function buildWeb(folder: string): Promise<WebFile[]> {
  const { outputFiles } = await build({
    entryPoints: [join(sources, 'main.tsx')],
    outdir: folder,
    bundle: true,
    platform: 'browser',
    format: 'esm',
    target: 'es2024',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    minify: true,
    legalComments: 'none',
    write: false,
    logLevel: 'warning',
  })
  const assets = outputFiles.map(({ path, contents }) => {
    const kind = path.endsWith('.css') ? 'css' : 'js'
    const hash = createHash('sha256').update(contents).digest('hex').slice(0, 12)
    return { kind, name: `app-${hash}.${kind}`, contents }
  })
  let html = await readFile(join(sources, 'index.html'), 'utf8')
  for (const { kind, name } of assets) html = html.replaceAll(`{{${kind}}}`, `/assets/${name}`)
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const files = [...assets, { name: 'index.html', contents: Buffer.from(html) }]
  return Promise.all(files.map(({ name, contents }) => write(join(folder, name), name, contents)))
}

async function write(path: string, name: string, contents: Uint8Array): Promise<WebFile> {
  const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY }
  const [zipped, brotli] = await Promise.all([
    promisify(gzip)(contents, { level: 9 }),
    promisify(brotliCompress)(contents, { params }),
  ])
  await Promise.all([
    writeFile(path, contents),
    writeFile(`${path}.gz`, zipped),
    writeFile(`${path}.br`, brotli),
  ])
  return { name, bytes: contents.length, gzipped: zipped.length }
}

/** Builds the page if `folder` has none that was built from these sources, for `npm start` and for tests. */
export async function freshWeb(folder: string): Promise<void> {
  const stamp = join(folder, 'sources')
  const now = await hashOfSources()
  if ((await readFile(stamp, 'utf8').catch(() => '')) === now) return
  await buildWeb(folder)
  await writeFile(stamp, now)
}

async function hashOfSources(): Promise<string> {
  const hash = createHash('sha256')
  const entries = await readdir(sources, { recursive: true, withFileTypes: true })
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  for (const path of paths.toSorted()) hash.update(path).update(await readFile(path))
  return hash.digest('hex')
}
