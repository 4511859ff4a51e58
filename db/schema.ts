import { sql } from 'drizzle-orm'
import { integer, pgTable, text } from 'drizzle-orm/pg-core'
import {
  jobColumns,
  readyColumns,
  registryColumns,
  runColumns,
  runtimeColumns,
} from '../src/columns/index.ts'
import { instant, number, tableColumns } from './table-columns.ts'

/**
 * The tables that lists are read from, for drizzle: their columns alone. Migrations make the tables, with their
 * constraints and indexes (`db/schema.sql`); test/rest compares the columns with a migrated database.
 */

const clock = sql`clock_timestamp()`

export const jobs = pgTable('jobs', tableColumns(jobColumns))

export const jobRuntime = pgTable('job_runtime', {
  jobId: text('job_id').notNull(),
  ...tableColumns({ ...runtimeColumns, ...readyColumns, ...registryColumns }),
})

export const runs = pgTable('runs', tableColumns(runColumns))

export const arms = pgTable('arms', {
  /** The order of a job's arms: their time. */
  id: number('id').notNull().default(sql`(extract(epoch from clock_timestamp()) * 1000000)::bigint`),
  jobId: text('job_id').notNull(),
  gen: number('gen').notNull(),
  fireAt: instant('fire_at'),
  askedAt: instant('asked_at').notNull().default(clock),
  tookMs: integer('took_ms').notNull(),
  outcome: text().$type<'armed' | 'cancelled' | 'failed'>().notNull(),
  scheduleId: text('schedule_id'),
  errorCode: text('error_code'),
  error: text(),
})

export const channels = pgTable('channels', {
  name: text().notNull(),
  project: text()
    .notNull()
    .generatedAlwaysAs(
      sql`CASE WHEN (strpos(name, '/'::text) > 0) THEN split_part(name, '/'::text, 1) ELSE 'default'::text END`,
    ),
  type: text().notNull(),
  sealed: text().notNull(),
  defaultOn: text('default_on').array(),
  disabledAt: instant('disabled_at'),
  disabledReason: text('disabled_reason'),
  lastError: text('last_error'),
  lastErrorAt: instant('last_error_at'),
  createdAt: instant('created_at').notNull().default(clock),
  updatedAt: instant('updated_at').notNull().default(clock),
})
