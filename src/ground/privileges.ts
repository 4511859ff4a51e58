import { readFileSync, statSync } from 'node:fs'

/** The rights of this process over processes and files of other users. */
export type Privileges = {
  /** Null: this system has no such users (Windows). */
  uid: number | null
  /** It may start programs as other users, end them, and remove their files. */
  mayChangeUsers: boolean
}

/** capabilities(7), by their bits: CHOWN, DAC_OVERRIDE, KILL, SETGID, SETUID. Docker leaves them to its root. */
const neededCapabilities = [0, 1, 5, 6, 7]

export function ownPrivileges(): Privileges {
  const uid = process.geteuid?.() ?? null
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readOrNothing('/proc/self/status'))?.[1]
  if (effective === undefined) return { uid, mayChangeUsers: uid === 0 }
  const bits = BigInt(`0x${effective}`)
  return { uid, mayChangeUsers: neededCapabilities.every((bit) => ((bits >> BigInt(bit)) & 1n) === 1n) }
}

/**
 * Whether another process of the same user may read this one's environment and memory. On Linux it may not where the
 * program's file could not be read by the user who started it (would_dump in fs/exec.c), as in our image.
 */
export function isOpenToItsUser(): boolean {
  try {
    return statSync('/proc/self/environ').uid === process.geteuid?.()
  } catch {
    return true
  }
}

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
