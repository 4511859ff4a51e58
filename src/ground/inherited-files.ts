import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

const closeOnExec = 0o2_000_000

/**
 * The open files that each program which this process starts gets too, beside the three usual ones, such as
 * `40 (/var/lock/deploy)`. Node opens none so; these were left open by what started this process, under a number that is
 * beyond those that Node closes at its start. Empty where the system does not say.
 */
export function inheritedFiles(): string[] {
  try {
    return readdirSync('/proc/self/fd').filter(isInherited).map(described)
  } catch {
    return []
  }
}

function isInherited(fd: string): boolean {
  if (Number(fd) <= 2) return false
  try {
    const [, flags = ''] = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')) ?? []
    return (Number.parseInt(flags, 8) & closeOnExec) === 0
  } catch {
    // that by which the folder was read is closed again
    return false
  }
}

function described(fd: string): string {
  return `${fd} (${readlinkSync(`/proc/self/fd/${fd}`)})`
}
