import type { Quotas } from '../../db/index.ts'
import type { ProjectState } from '../../src/decisions/index.ts'
import { allProjects, defaultProject } from '../../src/ground/project.ts'
import type { JobRow } from './rows.ts'

/** A row of the table `projects`, as far as decisions heed it. */
type ProjectRow = {
  pausedAt: Date | null
  resumedAt: Date | null
  runsPerMinute: number | null
  places: number | null
  minuteMs: number | null
  minuteRuns: number
}

type ProjectRowsNeeds = {
  jobs: Map<string, JobRow>
  /** Adds 1 to the `rev` of a job. */
  touch: (jobId: string) => void
}

/** The table `projects` and its statements, with what they do to the rows of jobs: those of db/projects.ts, db/quotas.ts and db/look.ts. */
export function createProjectRows({ jobs, touch }: ProjectRowsNeeds) {
  const rows = new Map([allProjects, defaultProject].map((name): [string, ProjectRow] => [name, blank()]))
  const jobsOf = (name: string) =>
    [...jobs.values()].filter(({ authored }) => name === allProjects || authored.project === name)

  /** Null: nothing that a decision or a claim has to heed. */
  function stateOf({ authored, runtime }: JobRow, now: Date): ProjectState | null {
    const both = [authored.project, allProjects].flatMap((name) => rows.get(name) ?? [])
    const { nextSlot } = runtime
    const isHeeded = both.some(
      (row) =>
        (row.pausedAt ?? row.runsPerMinute ?? row.places) !== null ||
        (row.resumedAt !== null && nextSlot !== null && row.resumedAt >= nextSlot),
    )
    if (!isHeeded) return null
    const runsLeft = both.flatMap((row) =>
      row.runsPerMinute === null ? [] : [row.runsPerMinute - runsIn(row, minuteOf(now))],
    )
    return {
      name: rows.has(authored.project) ? authored.project : allProjects,
      pausedAt: extreme(
        both.map((row) => row.pausedAt),
        Math.min,
      ),
      resumedAt: extreme(
        both.map((row) => row.resumedAt),
        Math.max,
      ),
      runsLeft: runsLeft.length > 0 ? Math.min(...runsLeft) : null,
      places: both.find((row) => row.places !== null)?.places ?? null,
    }
  }

  function pause(name: string, now: Date): boolean {
    const row = rows.get(name)
    if (!row) return false
    row.pausedAt ??= now
    for (const { authored } of jobsOf(name)) touch(authored.id)
    return true
  }

  function resume(name: string, now: Date): string[] | null {
    const row = rows.get(name)
    if (!row) return null
    if (row.pausedAt) {
      Object.assign(row, { pausedAt: null, resumedAt: now })
      for (const job of jobsOf(name)) {
        touch(job.authored.id)
        if (isDueAfterPause(job)) wakeNow(job, now)
      }
    }
    return jobsOf(name)
      .filter(
        ({ registry: { wakeAt, armedGen, wakeGen } }) =>
          (wakeAt !== null && wakeAt <= now) || armedGen < wakeGen,
      )
      .map(({ authored }) => authored.id)
      .sort()
  }

  function wakeNow(job: JobRow, now: Date) {
    const { registry } = job
    const wakeAt = registry.wakeAt && registry.wakeAt < now ? registry.wakeAt : now
    job.registry = { ...registry, wakeAt, wakeGen: registry.wakeGen + 1, wakeChangedAt: now }
  }

  function put(name: string, { runsPerMinute, places }: Partial<Quotas>): boolean {
    const isNew = !rows.has(name)
    const row = rows.get(name) ?? blank()
    rows.set(name, row)
    if (runsPerMinute !== undefined) row.runsPerMinute = runsPerMinute
    if (places !== undefined) row.places = places
    return isNew
  }

  function takeRuns({ project, runs }: { project: string; runs: number }, now: Date): Date | null {
    const row = rows.get(project)
    if (!row) return null
    const nextMs = minuteOf(now) + 60_000
    const minuteMs = row.minuteMs === nextMs ? nextMs : minuteOf(now)
    const count = runsIn(row, minuteMs) + runs
    if (row.runsPerMinute !== null && count > row.runsPerMinute) return null
    Object.assign(row, { minuteMs, minuteRuns: count })
    return new Date(minuteMs)
  }

  function giveBackRuns({ project, runs, minute }: { project: string; runs: number; minute: Date }) {
    const row = rows.get(project)
    if (row?.minuteMs === minute.getTime()) row.minuteRuns = Math.max(0, row.minuteRuns - runs)
  }

  const all = () => [...rows.values()]
  return {
    ...{ stateOf, pause, resume, put, takeRuns, giveBackRuns },
    /** Of the project that all jobs of a simulated world are in: its own pause, or one of everything. */
    isPaused: () => all().some(({ pausedAt }) => pausedAt !== null),
    resumedAt: () =>
      extreme(
        all().map(({ resumedAt }) => resumedAt),
        Math.max,
      ),
    runsPerMinute: () => rows.get(defaultProject)?.runsPerMinute ?? null,
  }
}

function blank(): ProjectRow {
  return { pausedAt: null, resumedAt: null, runsPerMinute: null, places: null, minuteMs: null, minuteRuns: 0 }
}

/** A finished job may have a run that was started by hand and waits for its next attempt. */
function isDueAfterPause({ runtime: { state }, runs }: JobRow): boolean {
  return state === 'scheduled' || (state !== 'paused' && runs.some(({ finishedAt }) => finishedAt === null))
}

const minuteOf = (now: Date) => Math.floor(now.getTime() / 60_000) * 60_000

function runsIn({ minuteMs, minuteRuns }: ProjectRow, thisMinuteMs: number): number {
  return minuteMs === thisMinuteMs ? minuteRuns : 0
}

function extreme(instants: (Date | null)[], which: (...ms: number[]) => number): Date | null {
  const all = instants.flatMap((at) => (at ? [at.getTime()] : []))
  return all.length > 0 ? new Date(which(...all)) : null
}
