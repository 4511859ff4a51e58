/** Postgres, the only truth. The door: nothing outside of this folder imports past it. */
import type { Database } from './client.ts'
import type { DeclaredStore } from './declared.ts'
import type { HistoryNeeds, HistoryStore } from './history-store.ts'
import type { Lists } from './lists.ts'
import type { Overview } from './overview.ts'
import type { DatabaseState } from './readiness.ts'

export type { ShownDelivery, ToldRun } from './deliveries.ts'
export { type ApiKeyStore, createApiKeyStore, type StoredKey } from './api-keys.ts'
export type { ArmResult } from './record-arm.ts'
export {
  type AuditAnswer,
  type AuditEntry,
  type AuditStore,
  type Changed,
  type ChangedField,
  createAuditStore,
  type Intent,
} from './audit.ts'
export { type ChannelStore, createChannelStore, type StoredChannel } from './channels.ts'
export { createDatabase, type Database } from './client.ts'
export type { DeclaredStore, KeptJob } from './declared.ts'
export { channelInUse, type ChannelBatch } from './declared-channels.ts'
export type { Batch } from './declared-write.ts'
export { type CounterStore, createCounterStore } from './counters.ts'
export type { Counts, FailedDelivery, OwedCounts } from './counts.ts'
export { type DifferentArm, type ListedArms, overdueMax } from './arms.ts'
export { mannersFact } from './facts.ts'
export { DatabaseUnavailable, refusedValue } from './errors.ts'
export { keyTaken, type NewJob, nothingToFollow } from './jobs.ts'
export type { HistoryStore } from './history-store.ts'
export { createKeyStore, readKeys } from './keys.ts'
export type { StoredKeys } from './login/index.ts'
export type { FoldedSlots, SlotDay, SlotRun } from './ledger.ts'
export type {
  ArmRow,
  ListedChannel,
  ListedJob,
  Lists,
  Surroundings,
  UnarmedJob,
} from './lists.ts'
export { createLoginStore } from './logins.ts'
export {
  createProjectStore,
  type OwnedKind,
  type Project,
  type ProjectStore,
  type Quotas,
} from './projects.ts'
export { createLogStore, type LogStore, type StoredLog } from './logs.ts'
export { migrate } from './migrate.ts'
export { type BootLook, createProcessRecord, type ProcessNote, type ProcessRecord } from './process-record.ts'
export {
  type Authored,
  type Look,
  ruleOf,
  storeSchedule,
} from './rows.ts'
export type { Page, PageWish } from './pages.ts'
export type { Costs, Failure, JobDay, Overview, Strip, TimelineRow } from './overview.ts'
export type { JobOrder, OrderedAt } from './job-order.ts'
export type { ListedRun } from './run-lists.ts'
export {
  createSecretStore,
  type SealedPlace,
  type SealedText,
  type SecretStore,
  type StoredSecret,
} from './secrets.ts'
export { createStore, type Store } from './store.ts'
export type { ArmLease, ArmOrder, AttemptLogText, Written } from './move.ts'
export type { Histogram, Totals } from './totals.ts'

/** What `/readyz` asks; loaded there and not at boot. */
export async function readDatabaseState(database: Database): Promise<DatabaseState> {
  return (await import('./readiness.ts')).readDatabaseState(database)
}

/** What people read, in drizzle, which is loaded here and nowhere earlier: it costs more than the rest of a boot. */
export async function loadLists(database: Database): Promise<Lists> {
  const { createLists } = await import('./lists.ts')
  return createLists(database)
}

/** Overviews for the page, loaded when one is asked for. */
export async function loadOverview(database: Database, clock: () => Date | null): Promise<Overview> {
  return (await import('./overview.ts')).createOverview(database, clock)
}

/** The steps by which history ends; loaded by a process that has time for them, and not at boot. */
export async function loadHistory(needs: HistoryNeeds): Promise<HistoryStore> {
  return (await import('./history-store.ts')).createHistoryStore(needs)
}

/** The statements for files of jobs, which no fire needs. */
export async function loadDeclared(
  database: Database,
  clock: () => Date | null,
  project: string,
): Promise<DeclaredStore> {
  return (await import('./declared.ts')).createDeclaredStore(database, clock, project)
}
