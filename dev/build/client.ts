import { execFileSync } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'

/** The package `@chronos/client` as one module and its types. In `client/dist` it is ready for `npm pack ./client`. */
export async function buildClient(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  execFileSync('node_modules/.bin/tsc', ['-p', 'client', '--outDir', folder], { stdio: 'inherit' })
  await build({
    entryPoints: ['client/src/index.ts'],
    outfile: join(folder, 'index.js'),
    bundle: true,
    packages: 'external',
    platform: 'neutral',
    format: 'esm',
    target: 'es2023',
    logLevel: 'warning',
  })
}

if (import.meta.main) await buildClient('client/dist')
