import { totalmem } from 'node:os'

const bytesOfMiB = 1024 ** 2

/**
 * A call that waits takes 40 KB of memory, and 105 KB over TLS (docs/sizing.md); up to 64 KiB more while its answer is
 * read. A process that has had a burst takes 115 MB beside them, so two for each MiB leave room on a machine of 256 MB.
 */
const placesForMiB = 2

/** More would not fit into the heap that the image sets, whatever the machine has. */
const mostPlaces = 2_000
const leastPlaces = 250

/** Attempts that a process runs at once: as it is set, or as many as the machine's memory has room for. */
export function placesOf(
  { maxConcurrentRuns }: { maxConcurrentRuns: number | null },
  memoryBytes = machineMemory(),
): number {
  const fitting = Math.floor((placesForMiB * memoryBytes) / bytesOfMiB)
  return maxConcurrentRuns ?? Math.min(mostPlaces, Math.max(leastPlaces, fitting))
}

/** Of the machine, or of the container if that has less. */
function machineMemory(): number {
  // 0: it is not known; more than the machine has: there is no limit
  const limit = process.constrainedMemory()
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem()
}
