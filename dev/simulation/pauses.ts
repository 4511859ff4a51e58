import type { Authored } from '../../db/index.ts'
import type { RunRow } from './rows.ts'
import type { Tables } from './tables.ts'

type PauseJudgeNeeds = {
  tables: Tables
  now: () => number
  broken: (rule: string, jobId: string, message: string) => void
}

const minuteMs = 60_000

/**
 * Judges what a pause of a project, or of everything, and a quota of runs promise: of each run that is taken and of each
 * slot that gets a run. That every slot has its verdict is judged with all others.
 */
export function createPauseJudge({ tables: { projects }, now, broken }: PauseJudgeNeeds) {
  const begun = new Map<number, number>()

  /** `taken`: attempts that the write just now gave to a process. */
  function judgeTaken({ id }: Authored, taken: RunRow[]) {
    const paused = projects.isPaused()
    if (paused)
      for (const run of taken)
        broken('no run begins during a pause', id, `run ${run.id} attempt ${run.attempt}`)
    const first = taken.filter(({ attempt }) => attempt === 1).length
    const thisMinuteMs = Math.floor(now() / minuteMs) * minuteMs
    const count = (begun.get(thisMinuteMs) ?? 0) + first
    begun.set(thisMinuteMs, count)
    const runsPerMinute = projects.runsPerMinute()
    // counted before the write, which may arrive in the next minute
    const before = begun.get(thisMinuteMs - minuteMs) ?? 0
    if (first > 0 && runsPerMinute !== null && count > 2 * runsPerMinute)
      broken(
        'no more runs begin than a minute allows',
        id,
        `${count} in this minute, ${before} in the one before`,
      )
  }

  /** No slot gets a run during a pause, and afterwards none that the pause covers and no process took before. */
  function judgeMade(jobId: string, made: RunRow[]) {
    const resumedAt = projects.resumedAt()
    for (const { slot } of made) {
      if (slot && projects.isPaused()) broken('no slot is taken during a pause', jobId, slot.toISOString())
      if (slot && resumedAt && slot <= resumedAt)
        broken(
          'a slot of a pause does not run',
          jobId,
          `${slot.toISOString()}, resumed at ${resumedAt.toISOString()}`,
        )
    }
  }

  return {
    judgeTaken,
    judgeMade,
    isPaused: projects.isPaused,
    /**
     * The latest instant at which an attempt that is due has to be woken for: the end of the pause that held it, and for a new
     * run the next minute, if this one may be used up.
     */
    wakeMs(dueMs: number, isNew: boolean): number {
      const resumedMs = Math.max(dueMs, projects.resumedAt()?.getTime() ?? dueMs)
      if (!isNew || projects.runsPerMinute() === null) return resumedMs
      return Math.max(resumedMs, (Math.floor(now() / minuteMs) + 1) * minuteMs)
    },
  }
}
