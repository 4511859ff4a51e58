import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { webFolder } from '../ground/web-folder.ts'

/** A file of the page, as it is sent. `brotli` and `gzip`: the same, as the build has compressed it; null: it has not. */
export type PageFile = {
  type: string
  etag: string
  plain: Buffer
  brotli: Buffer | null
  gzip: Buffer | null
}

/** The page in memory, from the first call of a browser on. `assets`: by name, which changes with the content. */
export type PageFiles = { index: PageFile; assets: ReadonlyMap<string, PageFile> }

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** Null: the folder is not there, or has no index.html. Files of other types than those above are left out. */
export async function readPageFiles(folder = webFolder): Promise<PageFiles | null> {
  const names = await readdir(folder).catch(() => [])
  const shown = names.filter((name) => extname(name) in types)
  const files = new Map(
    await Promise.all(shown.map(async (name) => [name, await read(folder, name)] as const)),
  )
  const index = files.get('index.html')
  files.delete('index.html')
  return index ? { index, assets: files } : null
}

async function read(folder: string, name: string): Promise<PageFile> {
  const path = join(folder, name)
  const [plain, brotli, gzip] = await Promise.all([
    readFile(path),
    readFile(`${path}.br`).catch(() => null),
    readFile(`${path}.gz`).catch(() => null),
  ])
  const etag = `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`
  return { type: types[extname(name)] ?? '', etag, plain, brotli, gzip }
}
