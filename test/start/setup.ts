import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, chown, cp, mkdtemp, readdir, readFile, readlink, rm, symlink } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

const run = promisify(execFile)
const isRoot = process.getuid?.() === 0
/** Someone who is not root and owns nothing here. */
const stranger = 65534
const readyMs = 30_000

/**
 * A copy of what git tracks, or would, in a folder that only its owner may enter. As the stranger's, where asked for and where
 * we are root: then started programs are the stranger's too.
 */
export async function copyProject({ asStranger = false } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'chronos-start-'))
  const { stdout } = await run('git', [
    'ls-files',
    '-z',
    '-co',
    '--exclude-standard',
    'src',
    'routes',
    'db',
    'dev',
    'relay',
    'package.json',
  ])
  const files = stdout.split('\0').filter(Boolean)
  await Promise.all(files.filter(existsSync).map((file) => cp(file, join(folder, file))))
  await symlink(resolve('node_modules'), join(folder, 'node_modules'))
  if (asStranger && isRoot) await run('chown', ['-R', '-h', `${stranger}:${stranger}`, folder])
  return {
    folder,
    start: (env: Record<string, string> = {}, args: string[] = []) =>
      start(folder, env, { asStranger: asStranger && isRoot, args }),
    /** No one but root may write in the folder any more. */
    async forbidWriting() {
      if (isRoot) await chown(folder, 0, 0)
      await chmod(folder, 0o555)
    },
    async remove() {
      await chmod(folder, 0o700)
      await rm(folder, { recursive: true })
    },
  }
}

export type Started = Awaited<ReturnType<Awaited<ReturnType<typeof copyProject>>['start']>>

function start(
  folder: string,
  given: Record<string, string>,
  { asStranger, args }: { asStranger: boolean; args: string[] },
) {
  const { PORT: _port, HOST: _host, API_KEY: _key, ...theirs } = process.env
  // The checkout may lie where the stranger cannot pass; reading it is not what is tested here.
  const reader = ['--clear-groups', '--inh-caps=+dac_read_search', '--ambient-caps=+dac_read_search', '--']
  const prefix = asStranger ? ['setpriv', `--reuid=${stranger}`, `--regid=${stranger}`, ...reader] : []
  const program = [...prefix, process.execPath, 'dev/start/main.ts', ...args]
  const child = spawn(program[0] ?? '', program.slice(1), {
    cwd: folder,
    env: { ...theirs, ...given },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines: string[] = []
  const listeners = new Set<() => void>()
  for (const output of [child.stdout, child.stderr]) {
    createInterface(output).on('line', (line) => {
      lines.push(line)
      for (const look of listeners) look()
    })
  }
  let isOver = false
  const ended = once(child, 'close').then(([code]) => {
    isOver = true
    for (const look of listeners) look()
    return code as number | null
  })

  /** What the pattern finds in one line. Rejects where none comes in time, or before the end. */
  function waitForLine(pattern: RegExp, { withinMs = readyMs } = {}): Promise<RegExpExecArray> {
    const { promise, resolve: found, reject } = Promise.withResolvers<RegExpExecArray>()
    const giveUp = (why: string) =>
      reject(new Error(`no line like ${String(pattern)} ${why}:\n${lines.join('\n')}`))
    const timer = setTimeout(() => giveUp(`within ${withinMs} ms`), withinMs)
    const look = () => {
      const line = lines.find((one) => pattern.test(one))
      if (line !== undefined) found(pattern.exec(line) as RegExpExecArray)
      else if (isOver) giveUp('before the end')
    }
    listeners.add(look)
    look()
    return promise.finally(() => {
      clearTimeout(timer)
      listeners.delete(look)
    })
  }

  return {
    pid: child.pid as number,
    lines,
    ended,
    waitForLine,
    text: () => lines.join('\n'),
    /** Once the service is ready: what was printed for the newcomer. */
    async ready() {
      await waitForLine(/^Ctrl-C stops everything/)
      const [, baseUrl = ''] = await waitForLine(/^ +base URL +(\S+)$/)
      const [, pageUrl = ''] = await waitForLine(/^ +page +(\S+)$/)
      const [, apiKey = ''] = await waitForLine(/^ +API key +(\S+)$/)
      const command = /^curl -X POST [^\n]*(\n[^\n]*){2}/m.exec(lines.join('\n'))?.[0] ?? ''
      return { baseUrl, pageUrl, apiKey, command }
    },
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    async interrupt(): Promise<number | null> {
      child.kill('SIGINT')
      return ended
    },
  }
}

/** Processes that work in the folder, or have it in their command line. */
export async function processesOf(folder: string): Promise<string[]> {
  const found: string[] = []
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    const place = await readlink(`/proc/${pid}/cwd`).catch(() => '')
    if (command.includes(folder) || place.startsWith(folder))
      found.push(`${pid} ${command.replaceAll('\0', ' ')}`)
  }
  return found
}

/** A listener on a port of its own, or on the one given. */
export async function occupy(port = 0): Promise<{ port: number; free: () => Promise<void> }> {
  const server = createServer().listen(port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('expected a port')
  return {
    port: address.port,
    async free() {
      server.close()
      await once(server, 'close')
    },
  }
}

/** Whether someone could listen there now. */
export async function isFree(port: number): Promise<boolean> {
  const taken = await occupy(port).catch(() => null)
  await taken?.free()
  return taken !== null
}
