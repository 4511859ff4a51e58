import type { DatabaseSync } from 'node:sqlite'

type Entry = { work: () => unknown; resolve: (value: unknown) => void; reject: (error: unknown) => void }

/** Runs `work` within a transaction; resolves when it is on the disk. */
export type Batch = <T>(work: () => T) => Promise<T>

/**
 * One transaction, and one wait for the disk, for everything that comes within a turn of the event loop. Works run one
 * after the other and are undone together; one that throws must not have written before.
 */
export function createBatch(database: DatabaseSync): Batch {
  let waiting: Entry[] = []

  function run(): void {
    const entries = waiting
    waiting = []
    const done: (() => void)[] = []
    try {
      database.exec('begin immediate')
      for (const { work, resolve, reject } of entries) done.push(attempt(work, resolve, reject))
      database.exec('commit')
      for (const tell of done) tell()
    } catch (error) {
      if (database.isOpen && database.isTransaction) database.exec('rollback')
      for (const { reject } of entries) reject(error)
    }
  }

  return <T>(work: () => T) =>
    new Promise<T>((resolve, reject) => {
      waiting.push({ work, resolve: resolve as Entry['resolve'], reject })
      if (waiting.length === 1) setImmediate(run)
    })
}

function attempt(work: Entry['work'], resolve: Entry['resolve'], reject: Entry['reject']): () => void {
  try {
    const value = work()
    return () => resolve(value)
  } catch (error) {
    return () => reject(error)
  }
}
