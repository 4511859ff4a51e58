import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { delimiter, isAbsolute, join, resolve } from 'node:path'
import type { CommandConfig } from '../../ground/config-commands.ts'
import type { ProgramUser } from './user.ts'

const usualPath = '/usr/local/bin:/usr/bin:/bin'
const probed = new WeakMap<CommandConfig, Promise<string[]>>()

/**
 * The command that starts a program within its limits: `setpriv` and `prlimit` of util-linux, each if the
 * system has one that can be used. They become the program: it has their process id. Empty: without limits.
 */
export function limiterOf(settings: CommandConfig, user: ProgramUser | null): Promise<string[]> {
  const known = probed.get(settings) ?? probe(settings, user)
  probed.set(settings, known)
  return known
}

async function probe(settings: CommandConfig, user: ProgramUser | null): Promise<string[]> {
  const { memoryMb, processorS, processes, env } = settings
  // it ends when this process does, however that ends; and with a user of its own, no `sudo` gives it more rights
  const setpriv = ['--pdeathsig', 'KILL', ...(user ? ['--no-new-privs'] : [])]
  const prlimit = [
    '--core=0',
    ...(memoryMb > 0 ? [`--data=${memoryMb * 2 ** 20}`] : []),
    // SIGXCPU, and SIGKILL for one that goes on
    ...(processorS > 0 ? [`--cpu=${processorS}:${processorS + 5}`] : []),
    // it counts all processes of a user; those of this one are not the programs'
    ...(user && processes > 0 ? [`--nproc=${processes}`] : []),
  ]
  const found: string[] = []
  for (const [name, args] of [
    ['setpriv', setpriv],
    ['prlimit', prlimit],
  ] as const) {
    const path = await findProgram(name, { path: env['PATH'], cwd: '/' })
    if (path !== null && (await canRun([path, ...args, '--', path, '--version'], user)))
      found.push(path, ...args, '--')
  }
  return found
}

async function canRun([command = '', ...args]: string[], user: ProgramUser | null): Promise<boolean> {
  const as = user ? { uid: user.uid, gid: user.gid } : {}
  const child = spawn(command, args, { ...as, env: {}, cwd: '/', stdio: 'ignore' })
  const [code] = (await once(child, 'exit').catch(() => [null])) as [number | null]
  return code === 0
}

/** Where execvp(3) would find it; null: nowhere. Whether it may be executed is not asked. */
export async function findProgram(
  command: string,
  { path = usualPath, cwd }: { path: string | undefined; cwd: string },
): Promise<string | null> {
  if (isAbsolute(command) || command.includes('/')) return existing(resolve(cwd, command))
  for (const folder of path.split(delimiter)) {
    const found = await existing(resolve(cwd, join(folder, command)))
    if (found !== null) return found
  }
  return null
}

async function existing(path: string): Promise<string | null> {
  const found = await stat(path).catch(() => null)
  return found?.isFile() ? path : null
}
