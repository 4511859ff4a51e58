import { having, runColumns, snakeCase, writtenRunColumns } from '../src/columns/index.ts'
import type { RunWrite } from '../src/decisions/index.ts'
import { isToldByRun } from './attempts.ts'
import { type Row, typedNamesOf, valuesOf } from './columns.ts'

/** What travels of a run that is to be written, beside its columns. */
const flags = { seen_fence: 'bigint', leased: 'boolean', begins: 'boolean', finished: 'boolean' } as const

/** The names and types of `runValues`, in this order. */
export const runValueTypes: Record<string, string> = {
  ...Object.fromEntries(Object.entries(writtenRunColumns).map(([key, { sql }]) => [snakeCase(key), sql])),
  ...flags,
}
export const typedRunValues = `${typedNamesOf(writtenRunColumns)}, ${Object.entries(flags)
  .map(([name, type]) => `${name} ${type}`)
  .join(', ')}`

/**
 * Puts a run as a decision wants it written into `target`, by names in SQL behind `prefix`. `begins`: a run that is
 * leased begins with this write.
 */
export function runValuesOf(prefix: string): (run: RunWrite, how: { begins: boolean }, target?: Row) => Row {
  const putColumns = valuesOf(plainColumns, prefix)
  const [seenFence, leased, begins, finished] = flagNames.map((name) => prefix + name) as Flags
  const [state, attempts] = [`${prefix}state`, `${prefix}attempts`]
  const [code, message] = [`${prefix}error_code`, `${prefix}error_message`]
  return (run, how, target = {}) => {
    putColumns(run, target)
    const isBegun = run.leased && how.begins
    if (isBegun) target[state] = 'running'
    if (isToldByRun(run)) target[attempts] = []
    target[code] = run.error?.code ?? null
    target[message] = run.error?.message ?? null
    target[seenFence] = run.seenFence
    target[leased] = run.leased
    target[begins] = isBegun
    target[finished] = run.finished
    return target
  }
}

const { errorCode: _, errorMessage: __, ...plainColumns } = writtenRunColumns
type Flags = [seenFence: string, leased: string, begins: string, finished: string]
const flagNames = Object.keys(flags)

/** How a statement computes a column: of a new row, and of one that it changes (`u`). Null: it leaves the column alone. */
type Computed = { made: string | null; changed: string | null }
/** The SQL of a value of `runValues`. */
type Value = (name: string) => string

/** Of columns that no decision gives. `job`: the CTE of db/move.ts. */
function computedBy(value: Value): Record<keyof typeof statementColumns, Computed> {
  const same = (text: string) => ({ made: text, changed: text })
  const begun = `case when ${value('begins')} then job.now`
  const leased = (text: string) =>
    same(value('leased') === 'false' ? 'null' : `case when ${value('leased')} then ${text} end`)
  return {
    seq: { made: null, changed: null },
    jobId: { made: 'job.job_id', changed: null },
    owner: leased('job.owner'),
    leaseUntil: leased('job.lease_until'),
    claimedAt: { made: 'job.now', changed: null },
    startedAt: { made: `${begun} end`, changed: `${begun} else u.started_at end` },
    finishedAt: same(`case when ${value('finished')} then job.now end`),
    waitingSince: { made: null, changed: 'null' },
    output: { made: null, changed: 'coalesce(job.output, u.output)' },
  }
}
const statementColumns = having(runColumns, 'set', 'statement')

function computed(key: string, value: Value): Computed {
  const column = runColumns[key as keyof typeof runColumns]
  const name = snakeCase(key)
  const ways = {
    once: () => ({ made: value(name), changed: null }),
    always: () => ({ made: value(name), changed: value(name) }),
    outcome: () => ({ made: null, changed: `coalesce(${value(name)}, u.${name})` }),
    statement: () => computedBy(value)[key as keyof typeof statementColumns],
  }
  return ways[column.set]()
}

function textsOf(part: keyof Computed, value: Value): [name: string, text: string][] {
  const all = Object.keys(runColumns).map((key) => [snakeCase(key), computed(key, value)[part]] as const)
  return all.flatMap(([name, text]) => (text === null ? [] : [[name, text] as [string, string]]))
}

/** `insert into runs (…) select …`, without its `from`. */
export function insertOfRuns(value: Value): string {
  const made = textsOf('made', value)
  const names = made.map(([name]) => name)
  const texts = made.map(([, text]) => text)
  return `insert into runs (${names.join(', ')})\n      select ${texts.join(', ')}`
}

/** `update runs u set …`, without its `from`. */
export function updateOfRuns(value: Value): string {
  const changed = textsOf('changed', value).map(([name, text]) => `${name} = ${text}`)
  return `update runs u set ${changed.join(', ')}`
}

/** The CTE `changed`: the run as it is to be written, if it shows the fence that the decision saw and is not finished. */
export const changeOfRun = (value: Value, jobId: string) => `
    changed as (
      ${updateOfRuns(value)}
      from job
      where u.id = ${value('id')} and u.job_id = ${jobId} and u.fence = ${value('seen_fence')} and u.finished_at is null
    )`
