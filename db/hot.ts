import { isUsualEnd, moveEnds } from './ends.ts'
import type { Sql } from './look.ts'
import {
  givenRun,
  headOf,
  keptOfOne,
  logged,
  loggedOfOne,
  type Move,
  paramsOf,
  readWritten,
  type Written,
  writtenColumns,
} from './move.ts'
import { jobParameter } from './wanted.ts'
import { changeOfRun, insertOfRuns } from './run-writes.ts'
import { send } from './wanted.ts'

/** True where a decision writes one run at most and nothing else: a claim, a settle, a pause. */
export function isPlain({ runs, folds, deliveries }: Move['decision']): boolean {
  return runs.length <= 1 && folds.length === 0 && deliveries.length === 0
}

/**
 * Claims and settles, of one job or of several at once, each of them whole or not at all: the result of each by the id
 * of its job; missing: the job has changed since the view, or is gone. No job may be among the moves twice.
 *
 * A claim: the job moves on and the run's row appears, with lease and fence. Of any number of claims with one view, in
 * any number of processes, one succeeds; and if a row for (job, slot) exists already, no second one
 * appears (`inserted` is empty). A settle: the row is changed only while it shows the fence that the decision saw, and
 * never once it is finished; a fence that is stale has moved `rev` as well, so it changes nothing anywhere.
 *
 * Jobs are locked in the order of their ids, so that two statements that move the same ones do not deadlock.
 */
export async function movePlain(sql: Sql, moves: Move[], now: Date | null): Promise<Map<string, Written>> {
  if (moves.every(isUsualEnd)) return moveEnds(sql, moves, now)
  const ordered = moves.toSorted((a, b) => (a.view.job.id < b.view.job.id ? -1 : 1))
  const text = texts[moves.length === 1 ? kindOf(moves[0] as Move) : kindOfAll(moves)]
  const rows = await send(sql, text, paramsOf(ordered as [Move], now))
  const writings = new Map(moves.map(({ view, writing }) => [view.job.id, writing]))
  return new Map(
    rows.map((row) => {
      const jobId = row['job_id'] as string
      const writing = writings.get(jobId) as Move['writing']
      return [jobId, readWritten(row, writing, row['made'] === null ? [] : [row['made']])]
    }),
  )
}

/** The writes of a single move: a statement that could write more costs more. */
function kindOf({ decision: { runs }, writing }: Move): 'claim' | 'settle' | 'settleLogged' | 'neither' {
  if (!runs[0]) return 'neither'
  if (runs[0].seenFence === null) return 'claim'
  return writing.attemptLog ? 'settleLogged' : 'settle'
}

function kindOfAll(moves: Move[]): 'several' | 'severalLogged' {
  return moves.some(({ writing }) => writing.attemptLog) ? 'severalLogged' : 'several'
}

const ofJob = (name: string) => `job.run_${name}`
const madeOf = (value: (name: string) => string) => `
    made as (
      ${insertOfRuns(value)}
      from job
      where ${value('id')} is not null and ${value('seen_fence')} is null
      on conflict on constraint runs_job_slot do nothing
      returning job_id, id
    )`
const one = headOf('one', keptOfOne)
const changedOne = changeOfRun(givenRun, jobParameter)
const several = `${headOf('several')},${madeOf(ofJob)},${changeOfRun(ofJob, 'job.job_id')}`
const madeOne = `select ${writtenColumns}, made.id as made from job left join made on made.job_id = job.job_id`
const madeNone = `select ${writtenColumns}, null as made from job`

const texts = {
  claim: `${one},${madeOf(givenRun)} ${madeOne}`,
  settle: `${one},${changedOne} ${madeNone}`,
  settleLogged: `${one},${changedOne},${loggedOfOne} ${madeNone}`,
  neither: `${one} ${madeNone}`,
  several: `${several} ${madeOne}`,
  severalLogged: `${several},${logged} ${madeOne}`,
}
