import type { RunWrite } from '../src/decisions/index.ts'

/**
 * The columns of a run that ends with its only attempt say all that there is to say of it, so `runs.attempts` stays empty: a
 * usual run writes a fifteenth less.
 */
export function isToldByRun({ finished, state, attempt, fence, attempts }: RunWrite): boolean {
  const [only] = attempts
  if (!finished || !only || attempts.length > 1) return false
  return only.attempt === attempt && only.fence === fence && only.state === state
}

/** The same of a row: `attempt` is 0 if no attempt of the run has ended. */
const isTold = (run: string) =>
  `(${run}.attempts = '[]' and ${run}.attempt > 0 and ${run}.finished_at is not null)`

const iso = (instant: string) => `to_char(${instant} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`

/** The attempts of a run, in SQL, as `Attempt` has them. `run`: the name of its row. */
export const attemptsOf = (run: string) => `
    case when ${isTold(run)} then jsonb_build_array(jsonb_build_object(
      'attempt', ${run}.attempt, 'fence', ${run}.fence, 'state', ${run}.state,
      'started_at', ${iso(`${run}.started_at`)}, 'finished_at', ${iso(`${run}.finished_at`)},
      'error', case when ${run}.error_code is not null
        then jsonb_build_object('code', ${run}.error_code, 'message', ${run}.error_message) end))
    else ${run}.attempts end`

/** How many they are. */
export const attemptCountOf = (run: string) =>
  `case when ${isTold(run)} then 1 else jsonb_array_length(${run}.attempts) end`

/** Their rows: state, started_at, finished_at. */
export const attemptRowsOf = (run: string) => `
    select state, started_at, finished_at
    from jsonb_to_recordset(${run}.attempts) as a(state text, started_at timestamptz, finished_at timestamptz)
    union all select ${run}.state, ${run}.started_at, ${run}.finished_at where ${isTold(run)}`
