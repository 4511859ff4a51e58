import type { ProcessRecord } from '../../db/index.ts'
import type { Log } from '../ground/log.ts'

/**
 * What a process leaves behind for the next one on the same machine, and what that one makes of it. A record of an
 * exit says what was checked; one that still says "up" is of a process that had no time for it.
 */
export type Departure = {
  /** Reads what the process before left, complains where a promise was broken, and notes that this one is up. Never rejects. */
  arrive(): Promise<void>
  /**
   * Writes the exit record if nothing is owed and no run is held by this process, in one statement; false: something is.
   *
   * @throws DatabaseUnavailable: nobody can say.
   */
  ifNothingIsOwed(): Promise<boolean>
  /** Writes the exit record whatever is owed: somebody else ends this process. Never rejects; once is enough. */
  anyway(why: string): Promise<void>
}

type Parts = {
  record: ProcessRecord
  /** False where nothing is armed with NAS (the built-in scheduler triggers): then no arm is owed to it. */
  isNasUsed: () => boolean
  log: Log
}

export function createDeparture({ record, isNasUsed, log }: Parts): Departure {
  let isWritten = false

  async function arrive() {
    try {
      const { earlier, forgotten } = await record.arrive()
      if (earlier?.state === 'up') {
        log.warn(
          { earlier: earlier.owner, since: earlier.at },
          'the process before this one ended without a word; what it held is found by its leases',
        )
      }
      if (earlier?.state === 'exited' && earlier.owed + earlier.runs > 0) {
        const { owed, runs, why } = earlier
        log.warn({ earlier: earlier.owner, owed, runs, why }, 'the process before this one left debts')
      }
      if (forgotten.jobs > 0 && isNasUsed()) {
        log.error(
          { ...forgotten, exited: earlier?.state === 'exited' ? earlier : null },
          'NAS confirmed these wake-ups, and nobody was woken; they are attended to now',
        )
      }
    } catch (error) {
      log.warn({ err: error }, 'what the process before this one left cannot be read')
    }
  }

  async function ifNothingIsOwed() {
    const { owed, runs } = await record.depart({ why: 'idle', onlyIfFree: true, countArms: isNasUsed() })
    isWritten = owed + runs === 0
    if (!isWritten) log.info({ owed, runs }, 'Postgres knows of something that is owed')
    return isWritten
  }

  async function anyway(why: string) {
    if (isWritten) return
    isWritten = true
    const left = await record
      .depart({ why, onlyIfFree: false, countArms: isNasUsed() })
      .catch((error: unknown) => log.warn({ err: error }, 'the exit record cannot be written'))
    if (left && left.owed + left.runs > 0) log.warn({ ...left, why }, 'leaving debts to the next process')
  }

  return { arrive, ifNothingIsOwed, anyway }
}
