import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { build, type Metafile } from 'esbuild'

const sources = fileURLToPath(new URL('../../web/', import.meta.url))

/**
 * Builds the page from `web/` into `folder`: `index.html`, `app-HASH.js` and `app-HASH.css`. A name has the hash of its
 * content, so that a browser may keep the file for ever; beside each stands what is sent of it, compressed (`.br`, `.gz`). A
 * folder that was there is replaced as a whole.
 */
export async function buildWeb(folder: string): Promise<Metafile> {
  const { outputFiles, metafile } = await build({
    entryPoints: { app: join(sources, 'main.tsx'), style: join(sources, 'styles/index.css') },
    outdir: folder,
    bundle: true,
    platform: 'browser',
    format: 'esm',
    target: 'es2024',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    minify: true,
    legalComments: 'none',
    metafile: true,
    write: false,
    logLevel: 'warning',
  })
  const assets = outputFiles.map(({ path, contents, hash }) => {
    const kind = path.endsWith('.css') ? 'css' : 'js'
    const name = `app-${createHash('sha256').update(hash).digest('hex').slice(0, 12)}.${kind}`
    return { kind, name, contents }
  })
  let html = await readFile(join(sources, 'index.html'), 'utf8')
  for (const { kind, name } of assets) html = html.replaceAll(`{{${kind}}}`, `/assets/${name}`)
  const stamp = await hashOfSources()
  await replace(folder, [
    ...[...assets, { name: 'index.html', contents: html }].flatMap(withCompressed),
    { name: stampName, contents: stamp },
  ])
  return metafile
}

/** Which sources the folder was built from. */
const stampName = 'sources'

/** Builds the page if `folder` has none that was built from these sources: for `npm start` and for tests. */
export async function freshWeb(folder: string): Promise<void> {
  const built = await readFile(join(folder, stampName), 'utf8').catch(() => '')
  if (built !== (await hashOfSources())) await buildWeb(folder)
}

type File = { name: string; contents: Uint8Array | string }

function withCompressed({ name, contents }: File): File[] {
  return [
    { name, contents },
    { name: `${name}.br`, contents: brotliCompressSync(contents) },
    { name: `${name}.gz`, contents: gzipSync(contents, { level: 9 }) },
  ]
}

/** At once, because several tests may build at the same time; of those the last one's files stay. */
async function replace(folder: string, files: File[]): Promise<void> {
  await mkdir(dirname(folder), { recursive: true })
  const draft = await mkdtemp(`${folder}-`)
  for (const { name, contents } of files) await writeFile(join(draft, name), contents)
  await rm(folder, { recursive: true, force: true })
  // another one was faster: its files are as good
  await rename(draft, folder).catch(() => rm(draft, { recursive: true, force: true }))
}

async function hashOfSources(): Promise<string> {
  const hash = createHash('sha256')
  const entries = await readdir(sources, { recursive: true, withFileTypes: true })
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  for (const path of paths.toSorted()) hash.update(path.slice(sources.length)).update(await readFile(path))
  return hash.digest('hex')
}
