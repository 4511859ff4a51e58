import type { Database } from './client.ts'
import { type Costs, readCosts } from './costs.ts'
import { type Failure, readFailures } from './failures.ts'
import { type JobDay, readJobDays } from './job-days.ts'
import { readStrips, type Strip } from './strips.ts'
import { type LanesWish, readLanes, type TimelineRow } from './timeline.ts'

export type { Costs, Failure, JobDay, Strip, TimelineRow }

/** What the page shows of many jobs or days at once: each is one statement, of pieces of indexes that are bounded. */
export type Overview = ReturnType<typeof createOverview>

/** `clock`, if given, stands in for Postgres' own. */
export function createOverview(database: Database, clock: () => Date | null) {
  const read = <T>(name: string, work: Parameters<typeof database.run<T>>[0]) =>
    database.run(work, { idempotent: true, name })
  return {
    /** `limit` + 1 jobs at most, those that wake first. */
    lanes: (wish: LanesWish) =>
      read('reading the timeline', (sql) => readLanes(sql, { ...wish, now: clock() })),
    strips: (jobIds: readonly string[], project: string | null) =>
      read('reading strips', (sql) => readStrips(sql, jobIds, project)),
    days: (jobId: string, span: { from: Date; to: Date }) =>
      read('reading the days of a job', (sql) => readJobDays(sql, jobId, span)),
    failures: (wish: { project: string | null; since: Date; jobId: string | null }) =>
      read('grouping failures', (sql) => readFailures(sql, wish)),
    costs: (span: { project: string | null; from: Date; to: Date }) =>
      read('adding up costs', (sql) => readCosts(sql, { ...span, now: clock() })),
  }
}
