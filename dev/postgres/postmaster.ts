import { readFile, readlink, realpath } from 'node:fs/promises'
import { join } from 'node:path'

/** What a live server says of itself in its lock file, `postmaster.pid`: line 1 is its pid, line 8 its status. */
export type RunningServer = { pid: number; status: string }

/** The server that has `directory` open; null if there is none, even if a killed one left its lock file. */
export async function runningServer(directory: string): Promise<RunningServer | null> {
  const text = await readFile(join(directory, 'postmaster.pid'), 'utf8').catch(() => '')
  const lines = text.split('\n')
  const pid = Number(lines[0])
  if (!Number.isInteger(pid) || pid <= 0 || !(await isServing(pid, directory))) return null
  return { pid, status: lines[7]?.trim() ?? '' }
}

/** After a restart of a container the same pid is soon someone else's: a server works in its data directory. */
async function isServing(pid: number, directory: string): Promise<boolean> {
  if (process.platform === 'linux') {
    const workingDirectory = await readlink(`/proc/${pid}/cwd`).catch(() => null)
    return workingDirectory !== null && workingDirectory === (await realpath(directory))
  }
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
