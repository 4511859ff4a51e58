/** The columns of jobs and runs, each declared once. docs/decisions/one-place-per-field.md says what derives from them. */
export {
  blankOf,
  type Column,
  type Columns,
  type Having,
  having,
  pick,
  type RowOf,
  type SnakeCase,
  snakeCase,
  type ValueOf,
} from './column.ts'
export {
  givenColumns,
  jobColumns,
  nothingGiven,
  readyColumns,
  registryColumns,
  runtimeColumns,
} from './jobs.ts'
export { liveRunColumns, outcomeColumns, runColumns, writtenRunColumns } from './runs.ts'
export {
  type Attempt,
  endStates,
  type JobState,
  jobStates,
  type LiveState,
  type RunState,
  runStates,
  type StoredSchedule,
  type TerminalState,
  type Trigger,
  troubleStates,
  outcomeGroups,
} from './words.ts'
