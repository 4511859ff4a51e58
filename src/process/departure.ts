import type { BootLook, ListedArms, ProcessNote, ProcessRecord } from '../../db/index.ts'
import type { Log } from '../ground/log.ts'
import type { Tally } from '../telemetry/index.ts'

/**
 * The exit record that a process leaves for the next one on the same machine, and how that one uses it. A record of an
 * exit has the checks that were made; one that still says "up" is of a process that had no time for it.
 */
export type Departure = {
  /**
   * Records that this process is up, looks at what a boot has to know, and logs broken promises of the previous process.
   * Null: Postgres could not be asked. Never rejects. `listed`: what the timer holds, to be compared; null: not yet.
   */
  arrive(listed?: ListedArms | null): Promise<BootLook | null>
  /**
   * Writes the exit record if nothing is owed, no run is held by this process and no wake time is near, in one statement.
   * False: the process has a reason to stay. If it has none, it looks after history first, should that be due.
   *
   * @throws DatabaseUnavailable: unknown.
   */
  ifNothingIsOwed(): Promise<boolean>
  /** Writes the exit record whatever is owed: this process is ended from outside. Never rejects; once is enough. */
  anyway(why: string): Promise<void>
}

type DepartureNeeds = {
  record: ProcessRecord
  /** False where nothing is armed with NAS (the built-in scheduler triggers): then no arm is owed to it. */
  isNasUsed: () => boolean
  /** A wake time that is nearer is cheaper to wait for than to boot for. */
  nearMs: number
  /** Milliseconds since the start of the process. */
  upMs: () => number
  /** What the process has counted goes with the record. */
  tally: Pick<Tally, 'batch' | 'written' | 'fires'>
  /** Looks after history for a moment. Never rejects. */
  tend: () => Promise<void>
  log: Log
}

export function createDeparture(needs: DepartureNeeds): Departure {
  const { record, isNasUsed, nearMs, upMs, tally, tend, log } = needs
  let isWritten = false

  async function arrive(listed: ListedArms | null = null): Promise<BootLook | null> {
    try {
      const seen = await record.arrive({ upMs: upMs(), listed })
      const { earlier, forgotten } = seen
      // one that was killed before its own look told no one of the one before it
      const untold = earlier ? [earlier, earlier.before ?? []].flat() : []
      for (const one of untold) tell(one)
      if (forgotten.jobs > 0 && isNasUsed()) {
        log.error(
          { ...forgotten, exited: untold.find(({ state }) => state === 'exited') ?? null },
          'NAS confirmed these wake-ups but did not call; their jobs are handled now',
        )
      }
      return seen
    } catch (error) {
      log.warn({ err: error }, 'the exit record of the previous process could not be read')
      return null
    }
  }

  function tell(earlier: ProcessNote) {
    if (earlier.state !== 'exited') {
      log.warn(
        { earlier: earlier.owner, since: earlier.at },
        'the previous process exited without shutting down; its runs are recovered when their leases expire',
      )
    } else if (earlier.owed + earlier.runs > 0) {
      const { owed, runs, why } = earlier
      log.warn({ earlier: earlier.owner, owed, runs, why }, 'the previous process left unfinished work')
    }
  }

  async function ifNothingIsOwed() {
    const { owed, runs, near, isHistoryDue } = await depart('idle', { nearMs })
    isWritten = owed + runs + near === 0
    if (owed + runs > 0) log.info({ owed, runs }, 'Postgres has unfinished work')
    else if (near > 0) log.info({ near }, 'the next wake time is nearer than a boot is long')
    if (isWritten && isHistoryDue) await tend()
    return isWritten
  }

  async function depart(why: string, stayFor: { nearMs: number } | null) {
    const counted = tally.batch()
    const left = await record.depart({
      why,
      stayFor,
      countArms: isNasUsed(),
      counted,
      upMs: upMs(),
      fires: tally.fires(),
    })
    if (counted) tally.written(counted.id)
    return left
  }

  async function anyway(why: string) {
    if (isWritten) return
    isWritten = true
    const left = await depart(why, null).catch((error: unknown) =>
      log.warn({ err: error }, 'the exit record could not be written'),
    )
    if (left && left.owed + left.runs > 0)
      log.warn({ ...left, why }, 'exiting with unfinished work; the next process continues it')
  }

  return { arrive, ifNothingIsOwed, anyway }
}
