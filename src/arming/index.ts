export { createBuiltinScheduler, type Heartbeat, heartbeatFact } from './builtin.ts'
export { createChronosScheduler } from './chronos.ts'
export { resolveCronScheduler } from './resolve.ts'
export {
  type CronScheduler,
  type JobChange,
  nothingReconciled,
  type ReconcileCounts,
  withDefaults,
} from './scheduler.ts'
