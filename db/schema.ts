import { sql } from 'drizzle-orm'
import {
  type AnyPgColumn,
  check,
  foreignKey,
  index,
  integer,
  pgTable,
  primaryKey,
  text,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'
import {
  jobColumns,
  jobStates,
  liveStates,
  registryColumns,
  runColumns,
  type RunState,
  runStates,
  runtimeColumns,
  triggers,
} from '../src/columns/index.ts'
import type { DeliveryEvent, DeliveryTarget } from '../src/decisions/index.ts'
import { instant, json, number, tableColumns } from './table-columns.ts'

/**
 * The tables of jobs, runs and channels as the migrations leave them, for drizzle. Only the migrations are applied; test/rest
 * asserts that the two agree in columns, types, nullability, constraints and indexes.
 */

const clock = sql`clock_timestamp()`

export const jobs = pgTable('jobs', tableColumns(jobColumns), (t) => [
  primaryKey({ name: 'jobs_pkey', columns: [t.id] }),
  check('jobs_id_form', sql`${t.id} ~ '^[0-9a-f]{12}$'`),
  check('jobs_name_length', sql`length(${t.name}) between 1 and 200`),
  check('jobs_schedule_kind', sql`${t.schedule} ->> 'kind' in ('cron', 'interval', 'once', 'after')`),
  check('jobs_action_type', sql`${t.action} ? 'type'`),
  check('jobs_repeat_positive', sql`${t.repeatTimes} > 0`),
  foreignKey({ name: 'jobs_after_fkey', columns: [t.afterJob], foreignColumns: [t.id] }),
  check('jobs_after_whole', sql`(${t.afterJob} is null) = (${t.afterOn} is null)`),
  check('jobs_after_other', sql`${t.afterJob} <> ${t.id}`),
  check('jobs_after_schedule', sql`${t.schedule} ->> 'kind' <> 'after' or ${t.afterJob} is not null`),
  index('jobs_after').on(t.afterJob).where(sql`${t.afterJob} is not null`),
  uniqueIndex('jobs_seq').on(t.seq),
  index('jobs_tags').using('gin', t.tags),
])

export const jobRuntime = pgTable(
  'job_runtime',
  { jobId: text('job_id').notNull(), ...tableColumns({ ...runtimeColumns, ...registryColumns }) },
  (t) => [
    primaryKey({ name: 'job_runtime_pkey', columns: [t.jobId] }),
    jobReference('job_runtime_job_fkey', t.jobId),
    check('job_runtime_state', sql`${t.state} in (${listed(jobStates)})`),
    check('job_runtime_last_status', sql`${t.lastStatus} in ('ok', 'error')`),
    check('job_runtime_slots_ordered', sql`${t.nextSlot} > ${t.lastSlot}`),
    check('job_runtime_paused', sql`(${t.state} = 'paused') = (${t.pausedAt} is not null)`),
    check('job_runtime_resume', sql`${t.resumeAt} is null or ${t.state} = 'paused'`),
    check('job_runtime_gen', sql`${t.armedGen} <= ${t.wakeGen}`),
    check('job_runtime_arm_lease', sql`(${t.armLeaseBy} is null) = (${t.armLeaseUntil} is null)`),
    check('job_runtime_counts', sql`${t.slotsUsed} >= 0 and ${t.failureStreak} >= 0 and ${t.fence} >= 0`),
    index('job_runtime_owed').on(t.jobId).where(sql`${t.armedGen} < ${t.wakeGen}`),
    index('job_runtime_wake').on(t.wakeAt).where(sql`${t.wakeAt} is not null`),
  ],
)

/** Ends that people look for; runs_trouble has these and no others. */
export const inTrouble: RunState[] = ['failed', 'timed_out', 'interrupted', 'cancelled']
export const isInTrouble = sql`runs.state in (${listed(inTrouble)})`

export const runs = pgTable('runs', tableColumns(runColumns), (t) => [
  primaryKey({ name: 'runs_pkey', columns: [t.id] }),
  jobReference('runs_job_fkey', t.jobId),
  unique('runs_job_slot').on(t.jobId, t.slot),
  check('runs_state', sql`${t.state} in (${listed(runStates)})`),
  check('runs_trigger', sql`${t.trigger} in (${listed(triggers)})`),
  check('runs_finished', sql`(${t.state} in (${listed(liveStates)})) = (${t.finishedAt} is null)`),
  check(
    'runs_waiting',
    sql`(${t.state} = 'waiting') = (${t.callbackUntil} is not null) and (${t.state} <> 'waiting' or ${t.leaseUntil} is null)`,
  ),
  check(
    'runs_lease',
    sql`(${t.leaseUntil} is null) = (${t.owner} is null) and (${t.leaseUntil} is null or ${t.finishedAt} is null)`,
  ),
  check('runs_running_leased', sql`${t.state} <> 'running' or ${t.leaseUntil} is not null`),
  check('runs_attempt_counted', sql`${t.attempt} >= 0 and (${t.attempt} >= 1 or ${t.leaseUntil} is null)`),
  uniqueIndex('runs_seq').on(t.seq),
  index('runs_job_seq').on(t.jobId, t.seq),
  index('runs_trouble').on(t.seq).where(isInTrouble),
  index('runs_claimed').using('brin', t.claimedAt),
  index('runs_live')
    .on(t.jobId)
    .where(sql`${t.state} in (${listed(liveStates)})`),
])

export const deliveries = pgTable(
  'deliveries',
  {
    id: uuid().notNull(),
    seq: number('seq').notNull().generatedAlwaysAsIdentity(),
    runId: uuid('run_id').notNull(),
    jobId: text('job_id').notNull(),
    target: json().$type<DeliveryTarget>().notNull(),
    event: text().$type<DeliveryEvent>().notNull(),
    state: text().$type<'pending' | 'delivered' | 'failed'>().notNull(),
    attempt: integer().notNull().default(0),
    dueAt: instant('due_at'),
    owner: text(),
    leaseUntil: instant('lease_until'),
    errorCode: text('error_code'),
    errorMessage: text('error_message'),
    createdAt: instant('created_at').notNull().default(clock),
    finishedAt: instant('finished_at'),
  },
  (t) => [
    primaryKey({ name: 'deliveries_pkey', columns: [t.id] }),
    foreignKey({ name: 'deliveries_run_fkey', columns: [t.runId], foreignColumns: [runs.id] }).onDelete(
      'cascade',
    ),
    jobReference('deliveries_job_fkey', t.jobId),
    check('deliveries_event', sql`${t.event} in ('success', 'failure', 'recovery')`),
    check('deliveries_state', sql`${t.state} in ('pending', 'delivered', 'failed')`),
    check('deliveries_finished', sql`(${t.state} = 'pending') = (${t.finishedAt} is null)`),
    check('deliveries_lease', sql`(${t.leaseUntil} is null) = (${t.owner} is null)`),
    check('deliveries_owed', sql`(${t.state} = 'pending') = (num_nonnulls(${t.dueAt}, ${t.leaseUntil}) = 1)`),
    uniqueIndex('deliveries_seq').on(t.seq),
    index('deliveries_failed').on(t.seq).where(sql`${t.state} = 'failed'`),
    index('deliveries_run').on(t.runId),
    index('deliveries_pending').on(t.jobId).where(sql`${t.state} = 'pending'`),
  ],
)

export const foldedSlots = pgTable(
  'folded_slots',
  {
    id: number('id').notNull().generatedAlwaysAsIdentity(),
    jobId: text('job_id').notNull(),
    firstSlot: instant('first_slot').notNull(),
    lastSlot: instant('last_slot').notNull(),
    count: integer().notNull(),
    verdict: text().$type<'skipped' | 'missed' | 'superseded' | 'cancelled'>().notNull(),
    reason: text().notNull(),
    rule: json().$type<unknown>().notNull(),
    recordedAt: instant('recorded_at').notNull().default(clock),
  },
  (t) => [
    primaryKey({ name: 'folded_slots_pkey', columns: [t.id] }),
    jobReference('folded_slots_job_fkey', t.jobId),
    check('folded_slots_span', sql`${t.firstSlot} <= ${t.lastSlot} and ${t.count} >= 1`),
    check('folded_slots_verdict', sql`${t.verdict} in ('skipped', 'missed', 'superseded', 'cancelled')`),
    index('folded_slots_job').on(t.jobId, t.lastSlot),
  ],
)

export const arms = pgTable(
  'arms',
  {
    id: number('id').notNull().generatedAlwaysAsIdentity(),
    jobId: text('job_id').notNull(),
    gen: number('gen').notNull(),
    fireAt: instant('fire_at'),
    askedAt: instant('asked_at').notNull().default(clock),
    tookMs: integer('took_ms').notNull(),
    outcome: text().$type<'armed' | 'cancelled' | 'failed'>().notNull(),
    scheduleId: text('schedule_id'),
    errorCode: text('error_code'),
    error: text(),
  },
  (t) => [
    primaryKey({ name: 'arms_pkey', columns: [t.id] }),
    jobReference('arms_job_fkey', t.jobId),
    check('arms_outcome', sql`${t.outcome} in ('armed', 'cancelled', 'failed')`),
    index('arms_job').on(t.jobId, t.id),
  ],
)

export const orphans = pgTable(
  'orphans',
  {
    jobId: text('job_id').notNull(),
    deletedAt: instant('deleted_at').notNull().default(clock),
    cancelledAt: instant('cancelled_at'),
  },
  (t) => [
    primaryKey({ name: 'orphans_pkey', columns: [t.jobId] }),
    index('orphans_owed').on(t.jobId).where(sql`${t.cancelledAt} is null`),
  ],
)

export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    key: text().notNull(),
    bodyHash: text('body_hash').notNull(),
    jobId: text('job_id').notNull(),
    createdAt: instant('created_at').notNull().default(clock),
  },
  (t) => [
    primaryKey({ name: 'idempotency_keys_pkey', columns: [t.key] }),
    jobReference('idempotency_keys_job_fkey', t.jobId),
    index('idempotency_keys_job').on(t.jobId),
  ],
)

export const facts = pgTable(
  'facts',
  {
    name: text().notNull(),
    value: json().$type<unknown>().notNull(),
    updatedAt: instant('updated_at').notNull().default(clock),
  },
  (t) => [primaryKey({ name: 'facts_pkey', columns: [t.name] })],
)

export const nasLogin = pgTable(
  'nas_login',
  {
    clientId: text('client_id').notNull(),
    firstHash: text('first_hash').notNull(),
    formerHashes: text('former_hashes').array().notNull().default([]),
    refreshHash: text('refresh_hash').notNull(),
    refreshSealed: text('refresh_sealed').notNull(),
    accessSealed: text('access_sealed'),
    accessRefreshAt: instant('access_refresh_at'),
    accessExpiresAt: instant('access_expires_at'),
    begun: integer().notNull().default(0),
    leaseOwner: uuid('lease_owner'),
    leaseUntil: instant('lease_until'),
    refusedAt: instant('refused_at'),
    refusedMessage: text('refused_message'),
    updatedAt: instant('updated_at').notNull().default(clock),
  },
  (t) => [
    primaryKey({ name: 'nas_login_pkey', columns: [t.clientId] }),
    check(
      'nas_login_hash_form',
      sql`${t.firstHash} ~ '^[0-9a-f]{64}$' and ${t.refreshHash} ~ '^[0-9a-f]{64}$'`,
    ),
    check('nas_login_first_not_former', sql`${t.firstHash} <> all (${t.formerHashes})`),
    check('nas_login_refresh_sealed', sql`${t.refreshSealed} ~ '^v[0-9]+\\.[0-9a-f]+\\.'`),
    check('nas_login_access_sealed', sql`${t.accessSealed} ~ '^v[0-9]+\\.[0-9a-f]+\\.'`),
    check(
      'nas_login_access_whole',
      sql`num_nonnulls(${t.accessSealed}, ${t.accessRefreshAt}, ${t.accessExpiresAt}) in (0, 3)`,
    ),
    check('nas_login_access_order', sql`${t.accessRefreshAt} <= ${t.accessExpiresAt}`),
    check('nas_login_begun_counts', sql`${t.begun} >= 0`),
    check('nas_login_lease_whole', sql`num_nonnulls(${t.leaseOwner}, ${t.leaseUntil}) in (0, 2)`),
    check('nas_login_refused_whole', sql`num_nonnulls(${t.refusedAt}, ${t.refusedMessage}) in (0, 2)`),
    check('nas_login_refused_unleased', sql`${t.refusedAt} is null or ${t.leaseOwner} is null`),
  ],
)

export const nasKeys = pgTable(
  'nas_keys',
  {
    jwksUrl: text('jwks_url').notNull(),
    jwks: json().$type<unknown>().notNull(),
    fetchedAt: instant('fetched_at').notNull(),
  },
  (t) => [
    primaryKey({ name: 'nas_keys_pkey', columns: [t.jwksUrl] }),
    check('nas_keys_form', sql`jsonb_typeof(${t.jwks} -> 'keys') = 'array'`),
    check('nas_keys_not_empty', sql`jsonb_array_length(${t.jwks} -> 'keys') > 0`),
  ],
)

export const channels = pgTable(
  'channels',
  {
    name: text().notNull(),
    type: text().notNull(),
    sealed: text().notNull(),
    defaultOn: text('default_on').array(),
    disabledAt: instant('disabled_at'),
    disabledReason: text('disabled_reason'),
    lastError: text('last_error'),
    lastErrorAt: instant('last_error_at'),
    createdAt: instant('created_at').notNull().default(clock),
    updatedAt: instant('updated_at').notNull().default(clock),
  },
  (t) => [
    primaryKey({ name: 'channels_pkey', columns: [t.name] }),
    check('channels_name_form', sql`${t.name} ~ '^[a-z0-9][a-z0-9_-]{0,62}$'`),
    check('channels_sealed_form', sql`${t.sealed} ~ '^v[0-9]+\\.[0-9a-f]+\\.'`),
    check('channels_disabled_whole', sql`(${t.disabledAt} is null) = (${t.disabledReason} is null)`),
    check('channels_error_whole', sql`(${t.lastError} is null) = (${t.lastErrorAt} is null)`),
    index('channels_default').on(t.name).where(sql`${t.defaultOn} is not null`),
  ],
)

function jobReference(name: string, column: AnyPgColumn) {
  return foreignKey({ name, columns: [column], foreignColumns: [jobs.id] }).onDelete('cascade')
}

function listed(words: readonly string[]) {
  return sql.raw(words.map((word) => `'${word}'`).join(', '))
}
