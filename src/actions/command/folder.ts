import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, lstat, mkdtemp, readdir, rm, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

type User = { uid: number; gid: number } | null

const prefix = `chronos-run-${process.pid}-`
/** Those of this process, so that a sweep leaves them alone. */
const own = new Set<string>()

/** An empty folder that only the user may enter (null: that of this process). */
export async function makeFolder(user: User): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), prefix))
  own.add(path)
  if (user) await chown(path, user.uid, user.gid)
  return path
}

/**
 * Removes the folder with all that is in it. As the user whose it is, never with more rights: a program that is still
 * there could replace a folder by a link to another place while it is being emptied.
 */
export async function removeFolder(path: string, user: User): Promise<void> {
  const steps = [
    () => run('rm', ['-rf', '--', path], user),
    // a program may have taken rights from itself
    () => run('chmod', ['-R', 'u+rwx', '--', path], user),
    () => run('rm', ['-rf', '--', path], user),
    () =>
      user
        ? run(process.execPath, ['-e', removing, path], user)
        : rm(path, { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined),
  ]
  for (const step of steps) {
    await step()
    // the user may not be allowed to take it out of the folder that it is in
    await rmdir(path).catch(() => undefined)
    if (!(await lstat(path).catch(() => null))) break
  }
  own.delete(path)
}

const removing = 'require("node:fs").rmSync(process.argv[1], { recursive: true, force: true })'

async function run(command: string, args: string[], user: User): Promise<void> {
  const as = user ? { uid: user.uid, gid: user.gid } : {}
  const child = spawn(command, args, { ...as, env: { PATH: '/usr/bin:/bin' }, cwd: '/', stdio: 'ignore' })
  await once(child, 'exit').catch(() => undefined)
}

/** Removes what processes that are gone have left: they were killed, and could not do so. */
export async function sweepFolders(): Promise<void> {
  const entries = await readdir(tmpdir(), { withFileTypes: true }).catch(() => [])
  for (const entry of entries) {
    const maker = /^chronos-run-(\d+)-/.exec(entry.name)?.[1]
    const path = join(tmpdir(), entry.name)
    if (maker === undefined || !entry.isDirectory() || own.has(path)) continue
    // in a container every process has the number of the one before
    if (Number(maker) !== process.pid && isAlive(Number(maker))) continue
    const found = await lstat(path).catch(() => null)
    if (found) await removeFolder(path, found.uid === process.geteuid?.() ? null : found)
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

const lookEveryMs = 1_000
/** A look goes no further; who makes more files than this is over any limit. */
const mostFiles = 100_000

/** Looks once a second whether all that is in the folder takes more room on the disk than this; `onFull` is called once. */
export function watchFolder(path: string, mostBytes: number, onFull: () => void): () => void {
  let timer: NodeJS.Timeout | undefined
  let isOver = false
  const later = () => {
    timer = setTimeout(() => void look(), lookEveryMs)
    timer.unref()
  }
  async function look() {
    const isFull = (await sizeOf(path, mostBytes)) > mostBytes
    if (isOver) return
    if (isFull) onFull()
    else later()
  }
  later()
  return () => {
    isOver = true
    clearTimeout(timer)
  }
}

/** Without links; ends early if it is more than `most`. */
async function sizeOf(folder: string, most: number): Promise<number> {
  let bytes = 0
  let files = 0
  const folders = [folder]
  for (const at of folders) {
    const entries = await readdir(at, { withFileTypes: true }).catch(() => [])
    for (const entry of entries) {
      const path = join(at, entry.name)
      if (entry.isDirectory()) folders.push(path)
      bytes += ((await lstat(path).catch(() => null))?.blocks ?? 0) * 512
      files += 1
      if (files > mostFiles) return Infinity
      if (bytes > most) return bytes
    }
  }
  return bytes
}
