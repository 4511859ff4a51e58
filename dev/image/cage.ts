import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A memory limit of the kernel's for a few processes. */
export type Cage = {
  /** Shell words that put the shell itself into it; empty if there is no limit. */
  enter: string
  /** The most that was in use at once, page cache included, in bytes; null: no one knows. */
  peakBytes(): number | null
  remove(): void
}

/** A control group below our own, of either version; null if this system does not permit it. */
export function makeCage(limitBytes: number): Cage | null {
  const groups = readFileSync('/proc/self/cgroup', 'utf8').split('\n')
  const old = groups.find((line) => line.split(':')[1]?.split(',').includes('memory'))
  const unified = groups.find((line) => line.startsWith('0::'))
  return (
    (old ? tryCage(`/sys/fs/cgroup/memory${pathOf(old)}`, oldNames, limitBytes) : null) ??
    (unified ? tryCage(`/sys/fs/cgroup${pathOf(unified)}`, unifiedNames, limitBytes) : null)
  )
}

const oldNames = { limit: 'memory.limit_in_bytes', peak: 'memory.max_usage_in_bytes' }
const unifiedNames = { limit: 'memory.max', peak: 'memory.peak' }

function tryCage(parent: string, names: typeof oldNames, limitBytes: number): Cage | null {
  const folder = join(parent, `chronos-image-${process.pid}`)
  try {
    mkdirSync(folder)
  } catch {
    return null
  }
  try {
    writeFileSync(join(folder, names.limit), String(limitBytes))
  } catch {
    rmdirSync(folder)
    return null
  }
  return {
    enter: `echo $$ > ${folder}/cgroup.procs`,
    peakBytes() {
      try {
        return Number(readFileSync(join(folder, names.peak), 'utf8'))
      } catch {
        return null
      }
    },
    remove: () => rmdirSync(folder),
  }
}

const pathOf = (line: string) => line.split(':').slice(2).join(':').replace(/\/$/, '')
