import { spawnSync } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundle } from '../dev/build/bundle.ts'

/** What is started here: the shipped file, and servers to hold it against, all built the same way. */
export type Programs = {
  /** As the image starts it. */
  server: string
  /** The one file by itself. */
  alone: string
  bare: string
  noDatabase: string
  noNas: string
  /** What carries jobs without a server around it, for beside the other queues. */
  carrier: string
  /** A compile cache as the image has it: made by the same Node with the same flags, by one boot and one fire. */
  cache: string
  remove(): Promise<void>
}

const root = fileURLToPath(new URL('..', import.meta.url))

/** The environment, options and flags of the image's Node (Dockerfile). Every server here runs with them, the floors too. */
export const nodeEnv = {
  NODE_ENV: 'production',
  NODE_OPTIONS: '--max-old-space-size=112 --max-semi-space-size=2',
  MALLOC_ARENA_MAX: '2',
}
export const nodeFlags = ['--no-concurrent-recompilation']

export async function buildPrograms(): Promise<Programs> {
  const build = spawnSync(process.execPath, ['dev/build/main.ts'], { cwd: root, encoding: 'utf8' })
  if (build.status !== 0) throw new Error(`npm run build failed: ${build.stderr}`)
  const folder = await mkdtemp(join(tmpdir(), 'chronos-bench-'))
  await mkdir(join(folder, 'cache'))
  await writeFile(join(folder, 'package.json'), '{ "type": "commonjs" }\n')
  await cp(join(root, 'dist/server.js'), join(folder, 'server.js'))
  await cp(join(root, 'dist/web'), join(folder, 'web'), { recursive: true })
  await cp(join(root, 'dev/image/boot.cjs'), join(folder, 'boot.js'))
  await bundle(
    ['server-bare', 'server-no-database', 'server-no-nas', 'peer-chronos'].map((name) =>
      join(root, `bench/${name}.ts`),
    ),
    folder,
  )
  bakeCache(folder)
  return {
    server: join(folder, 'boot.js'),
    alone: join(folder, 'server.js'),
    bare: join(folder, 'server-bare.js'),
    noDatabase: join(folder, 'server-no-database.js'),
    noNas: join(folder, 'server-no-nas.js'),
    carrier: join(folder, 'peer-chronos.js'),
    cache: join(folder, 'cache'),
    remove: () => rm(folder, { recursive: true }),
  }
}

/** The program that the Dockerfile runs in its build. */
function bakeCache(folder: string) {
  const env = { ...process.env, ...nodeEnv }
  const args = [...nodeFlags, 'dev/image/bake.mjs', join(folder, 'cache'), join(folder, 'boot.js')]
  const baked = spawnSync(process.execPath, args, { cwd: root, env, encoding: 'utf8' })
  if (baked.status !== 0) throw new Error(`the compile cache could not be made: ${baked.stderr}`)
}
