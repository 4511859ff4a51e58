export { viewAfter } from './after.ts'
export { attend, noPlace, type Occasion, rearm, slotOfPause } from './attend.ts'
export {
  cancelRun,
  firstRuntime,
  pause,
  recount,
  reschedule,
  resume,
  startManual,
  stopBroken,
} from './change.ts'
export {
  deliverAgain,
  type Sent,
  releaseDelivery,
  settleDelivery,
  startPings,
  tellsNobody,
} from './deliver.ts'
export { deliveryLeaseMs, leaseMarginMs, type Outcome, rewritten } from './draft.ts'
export { isWakeLost, lateMs } from './overdue.ts'
export { defaultPolicy, policyFrom } from './policy.ts'
export { isProjectPaused } from './project.ts'
export { readyAfter, readyOfNew, readyRun } from './ready.ts'
export { release, settle } from './settle.ts'
export { jitterMs, periodMsOf } from './slots.ts'
export { channelsInTexts, channelsOf } from './specs.ts'
export type * from './types.ts'
