import { readdir, readFile, realpath, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { CommandConfig } from '../../ground/config-commands.ts'

/** The user of a program. `isAlone`: no other program does at this time, so that all of this user's processes are its own. */
export type ProgramUser = { uid: number; gid: number; isAlone: boolean }

const taken = new Set<number>()

/** One of the users, until it is given back. Null: all of them are taken. */
export function takeUser({ first, count, gid }: NonNullable<CommandConfig['users']>): ProgramUser | null {
  if (count === 1) return { uid: first, gid: gid ?? first, isAlone: false }
  for (let uid = first; uid < first + count; uid++) {
    if (taken.has(uid)) continue
    taken.add(uid)
    return { uid, gid: gid ?? uid, isAlone: true }
  }
  return null
}

export function giveBack({ uid, isAlone }: ProgramUser): void {
  if (isAlone) taken.delete(uid)
}

const mostRounds = 100
const roundMs = 10

/** Ends every process of this user, daemons too. One that forks faster than it is looked for is met in a later round. */
export async function endAllOf(uid: number): Promise<void> {
  for (let round = 0; round < mostRounds; round++) {
    const pids = await processesOf(uid)
    if (pids.length === 0) return
    for (const pid of pids) killNow(pid)
    await new Promise((resolve) => setTimeout(resolve, roundMs))
  }
}

function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // it has ended meanwhile
  }
}

async function processesOf(uid: number): Promise<number[]> {
  const names = await readdir('/proc').catch(() => [])
  const pids = names.filter((name) => /^\d+$/.test(name)).map(Number)
  const own = await Promise.all(pids.map(async (pid) => ((await isOf(pid, uid)) ? [pid] : [])))
  return own.flat()
}

/** By any of its four user ids; zombies do not count. */
async function isOf(pid: number, uid: number): Promise<boolean> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  if (/^State:\s*Z/m.test(text)) return false
  const ids = /^Uid:\s*(\S.*)$/m.exec(text)?.[1] ?? ''
  return ids.split(/\s+/).includes(String(uid))
}

/**
 * Whether this user may enter the folder, by the permission bits of it and of all folders above it. This process enters
 * it before it becomes that user, so that the system would not ask.
 */
export async function mayEnter(folder: string, { uid, gid }: ProgramUser): Promise<boolean> {
  for (let path = await realpath(folder); ; path = dirname(path)) {
    const found = await stat(path)
    const bit = found.uid === uid ? 0o100 : found.gid === gid ? 0o010 : 0o001
    if ((found.mode & bit) === 0) return false
    if (path === dirname(path)) return true
  }
}
