import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { machinePaths } from '../../dev/check/steps.ts'

export type Tool =
  | 'tsc'
  | 'tsc -p web'
  | 'oxlint'
  | 'biome'
  | 'knip'
  | 'knip --production'
  | 'words'
  | 'machine paths'

/** What each tool said, one line for each finding. */
export type Findings = Record<Tool, string[]>

/** Two thirds of the project, which the tools would read for nothing: no case is in it, or imports it. */
const leftOut = /^(bench|dev\/(?!check\/|nas\/)|test\/(?!check\/|support\/))/

/** A throw-away copy of what git tracks here, or would, but for `leftOut`, with `extra` files laid over it. */
export async function copyProject(extra: Record<string, string>) {
  const folder = await mkdtemp(join(tmpdir(), 'chronos-gate-'))
  const { stdout } = await promisify(execFile)('git', ['ls-files', '-z', '-co', '--exclude-standard'])
  for (const file of stdout.split('\0').filter((path) => path !== '' && !leftOut.test(path))) {
    // A file that git tracks may be gone from the working tree for the moment.
    await cp(file, join(folder, file)).catch(ignoreMissing)
  }
  for (const [file, text] of Object.entries(extra)) {
    await mkdir(dirname(join(folder, file)), { recursive: true })
    await writeFile(join(folder, file), text)
  }
  await symlink(resolve('node_modules'), join(folder, 'node_modules'))
  await output(folder, 'git', ['init', '-q'])
  await output(folder, 'git', ['add', '-A'])
  return { folder, remove: () => rm(folder, { recursive: true }) }
}

function ignoreMissing(error: NodeJS.ErrnoException) {
  if (error.code !== 'ENOENT') throw error
}

/** The steps of `npm run check`, each in its tool's one-line format. */
export async function runTools(folder: string): Promise<Findings> {
  const [tsc, web, oxlint, biome, knip, shipped, words, paths] = await Promise.all([
    output(folder, 'tsc', ['--noEmit', '-p', '.']),
    output(folder, 'tsc', ['--noEmit', '-p', 'web']),
    output(folder, 'oxlint', ['-f', 'unix']),
    output(folder, 'biome', ['format', '--reporter=github', '--max-diagnostics=none', '.']),
    output(folder, 'knip', ['--no-progress', '--reporter', 'compact']),
    output(folder, 'knip', ['--production', '--no-progress', '--reporter', 'compact']),
    output(folder, 'node', ['dev/check/words.ts']),
    output(folder, 'git', ['grep', '-nIE', machinePaths]),
  ])
  return {
    tsc,
    'tsc -p web': web,
    oxlint,
    biome,
    knip,
    'knip --production': shipped,
    words,
    'machine paths': paths,
  }
}

async function output(cwd: string, command: string, args: string[]): Promise<string[]> {
  const path = join(cwd, 'node_modules', '.bin')
  const env = { ...process.env, PATH: `${path}:${process.env['PATH']}` }
  const { stdout, stderr } = await promisify(execFile)(command, args, {
    cwd,
    env,
    maxBuffer: 64 << 20,
  }).catch((failed: { stdout: string; stderr: string }) => failed)
  return `${stdout}\n${stderr}`.split('\n')
}
