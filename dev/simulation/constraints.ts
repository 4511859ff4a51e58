import type { Runtime } from '../../src/decisions/index.ts'
import type { DeliveryRow, RunRow } from './rows.ts'

/** A check that a row breaks; its statement is undone. db/schema.sql has some of them, the others cost a fire too much there. */
export class ConstraintBroken extends Error {
  override readonly name = 'ConstraintBroken'
}

export function checkRuntime(row: Runtime) {
  require('job_runtime_slots_ordered', !row.nextSlot || !row.lastSlot || row.nextSlot > row.lastSlot)
  require('job_runtime_paused', (row.state === 'paused') === (row.pausedAt !== null))
  require('job_runtime_resume', row.resumeAt === null || row.state === 'paused')
  require('job_runtime_counts', row.slotsUsed >= 0 && row.failureStreak >= 0 && row.fence >= 0)
}

export function checkRun(row: RunRow) {
  const isLive = ['claimed', 'running', 'waiting'].includes(row.state)
  require('runs_finished', isLive === (row.finishedAt === null))
  require('runs_waiting', (row.state === 'waiting') === (row.callbackUntil !== null) &&
    (row.state !== 'waiting' || row.leaseUntil === null))
  require('runs_lease', (row.leaseUntil === null) === (row.owner === null) &&
    (!row.leaseUntil || !row.finishedAt))
  require('runs_running_leased', row.state !== 'running' || row.leaseUntil !== null)
  require('runs_attempt_counted', row.attempt >= 0 && (row.attempt >= 1 || row.leaseUntil === null))
}

export function checkDelivery(row: DeliveryRow) {
  const isPending = row.state === 'pending'
  require('deliveries_finished', isPending === (row.finishedAt === null))
  require('deliveries_lease', (row.leaseUntil === null) === (row.owner === null))
  const owed = [row.dueAt, row.leaseUntil].filter((at) => at !== null).length
  require('deliveries_owed', isPending === (owed === 1))
}

function require(name: string, holds: boolean) {
  if (!holds) throw new ConstraintBroken(`violates check constraint "${name}"`)
}
