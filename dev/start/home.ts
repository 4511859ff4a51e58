import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, readlinkSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { codeOf, StartError } from './errors.ts'

export const root = fileURLToPath(new URL('../../', import.meta.url))
/** What is kept between starts. Removing it is starting again. */
export const home = join(root, '.chronos')
export const databaseFolder = join(home, 'postgres')
export const nasState = join(home, 'nas.json')
export const relayDatabase = join(home, 'relay.db')

/** Made once. The ports are those of the programs that jobs and arms know by their address. */
export type Kept = {
  apiKey: string
  encryptionKey: string
  nasPort: number
  proxyPort: number
  targetPort: number
  /** The first of its login; null until someone logs in. */
  refreshToken: string | null
}

const keptFile = join(home, 'start.json')
const lockFile = join(home, 'start.pid')

/** The home, ours alone until `leaveHome`. @throws StartError: it cannot be written, or another start has it. */
export function enterHome(): void {
  attempt(`${home} cannot be written`, () => {
    mkdirSync(home, { recursive: true })
    for (let tries = 1; !takeLock(tries === 2); tries++) {
      const pid = Number(readFileSync(lockFile, 'utf8'))
      if (isStart(pid)) {
        throw new StartError(`Chronos already runs from this folder (process ${pid}); stop that one first.`)
      }
      rmSync(lockFile, { force: true })
    }
  })
}

export function leaveHome(): void {
  rmSync(lockFile, { force: true })
}

/** What an earlier start has kept, or new keys and the usual ports. */
export function readKept(): Kept {
  const fresh: Kept = {
    apiKey: randomBytes(24).toString('base64url'),
    encryptionKey: randomBytes(32).toString('base64'),
    nasPort: 8787,
    proxyPort: 8788,
    targetPort: 8789,
    refreshToken: null,
  }
  return attempt(`${keptFile} cannot be read`, () => {
    try {
      return { ...fresh, ...(JSON.parse(readFileSync(keptFile, 'utf8')) as Partial<Kept>) }
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return fresh
      throw error
    }
  })
}

/** As a whole, so that a start killed in the middle leaves the earlier file; for its owner's eyes only. */
export function keep(kept: Kept): void {
  attempt(`${keptFile} cannot be written`, () => {
    writeFileSync(`${keptFile}.new`, JSON.stringify(kept, null, 2), { mode: 0o600 })
    renameSync(`${keptFile}.new`, keptFile)
  })
}

function takeLock(isLastTry: boolean): boolean {
  try {
    writeFileSync(lockFile, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST' && !isLastTry) return false
    throw error
  }
}

/** A start that was killed leaves its lock, and its pid is some day another program's. */
function isStart(pid: number): boolean {
  if (!(pid > 0) || pid === process.pid) return false
  try {
    if (process.platform !== 'linux') return process.kill(pid, 0)
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    return command.includes('dev/start/main.ts') && join(readlinkSync(`/proc/${pid}/cwd`), '/') === root
  } catch (error) {
    return codeOf(error) === 'EPERM' || codeOf(error) === 'EACCES'
  }
}

function attempt<T>(failing: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof StartError) throw error
    const why = codeOf(error) ?? (error instanceof Error ? error.message : String(error))
    const who = process.getuid ? ` by user ${process.getuid()}` : ''
    throw new StartError(
      `${failing}${who}: ${why}. Expected a folder of this user's own, with room on its disk.`,
      { cause: error },
    )
  }
}
