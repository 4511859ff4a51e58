import type { Counts, Histogram, Totals } from '../../db/index.ts'
import type { Heartbeat } from '../arming/builtin.ts'
import type { HoldKind } from '../ground/holds.ts'
import type { RunCounts } from '../run/queue.ts'
import type { Family, Labels, Sample } from '../telemetry/index.ts'
import type { Reason } from './judge.ts'

/** Numbers that Postgres knows: the same on every machine. */
export function serviceFamilies(counts: Counts, heartbeat: Heartbeat | null): Family[] {
  const { waiting, now } = counts
  return [
    gauge('chronos_jobs', 'Jobs by state', byLabel('state', counts.jobs)),
    gauge('chronos_runs_live', 'Runs that have not ended, by state', liveRuns(counts.runs)),
    gauge('chronos_arms_owed', 'Jobs whose wake time the timer service has not confirmed', counts.armsOwed),
    gauge(
      'chronos_arms_owed_oldest_age_seconds',
      'For how long the oldest unconfirmed wake time has been owed; 0 if none is',
      ageS(counts.oldestOwedSince, now),
    ),
    gauge('chronos_jobs_overdue', 'Jobs whose wake time passed over a minute ago', counts.overdue),
    gauge(
      'chronos_wakes_lost',
      'Confirmed wake-ups that passed over a minute ago without a fire',
      counts.lost,
    ),
    gauge(
      'chronos_runs_waiting_for_place',
      'Claimed runs that wait for a place, in any process',
      waiting.runs,
    ),
    gauge(
      'chronos_runs_waiting_oldest_age_seconds',
      'For how long the first of these runs has been waiting; 0 if none is',
      ageS(waiting.since, now),
    ),
    gauge(
      'chronos_deliveries_failed',
      'Kept deliveries that have failed permanently, 10,000 at most',
      counts.failedDeliveries.count,
    ),
    ...heartbeats(heartbeat),
  ]
}

function liveRuns(runs: Record<string, number>): Sample[] {
  return ['claimed', 'running', 'waiting'].map((state) => ({ labels: { state }, value: runs[state] ?? 0 }))
}

/** What has been done since the service was set up, whatever has been deleted since. */
export function totalsFamilies(totals: Totals): Family[] {
  const { runs, slots, attempts, tokens, costUsd } = totals
  return [
    counter('chronos_runs_total', 'Runs that have ended, by outcome', byLabel('outcome', runs)),
    counter('chronos_slots_total', 'Slots that have their verdict, by verdict', byLabel('verdict', slots)),
    counter('chronos_attempts_total', 'Attempts of runs that have ended', attempts),
    counter('chronos_tokens_total', 'Tokens of prompts, by direction', byLabel('direction', tokens)),
    counter(
      'chronos_cost_usd_total',
      'What prompts have cost in US dollars, as far as a price is known',
      costUsd,
    ),
    histogram(
      'chronos_run_duration_seconds',
      'From the begin of the last attempt of a run to its end',
      totals.durationMs,
    ),
    histogram(
      'chronos_run_lateness_seconds',
      'From the slot of a run to the begin of its first attempt',
      totals.latenessMs,
    ),
  ]
}

function histogram(name: string, about: string, inMs: Histogram): Family {
  const bounds = inMs.boundsMs.map((bound) => bound / 1000)
  return { type: 'histogram', name, about, bounds, counts: inMs.counts, sum: inMs.sumMs / 1000 }
}

function heartbeats(heartbeat: Heartbeat | null): Family[] {
  const at = (text: string | null | undefined) => (text ? Date.parse(text) / 1000 : 0)
  return [
    gauge(
      'chronos_scheduler_heartbeat_timestamp_seconds',
      'When the built-in scheduler last showed life; 0 if it never ran',
      at(heartbeat?.alive_at),
    ),
    gauge(
      'chronos_scheduler_clean_tick_timestamp_seconds',
      'When the built-in scheduler last got through a tick without an error; 0 if it never did',
      at(heartbeat?.clean_tick_at),
    ),
  ]
}

export type ProcessFacts = {
  version: string
  node: string
  scheduler: string
  /** Machine id : an id made at boot. */
  owner: string
  holds: Partial<Record<HoldKind, number>>
  runs: ReturnType<RunCounts>
  places: number
  /** What this process sees of the health of the service. */
  reasons: readonly Pick<Reason, 'code'>[]
  roundTripS: number
  clockAheadS: number
}

/** Numbers of this process alone: they may be added up. */
export function processFamilies(facts: ProcessFacts): Family[] {
  const { version, node, scheduler, owner, runs } = facts
  const info = { version, node, scheduler, machine: owner.slice(0, owner.lastIndexOf(':')) }
  return [
    own('info', 'Version, Node, scheduler in use and machine; always 1', [{ labels: info, value: 1 }]),
    own('places', 'Attempts that may be under way at a time', facts.places),
    own('places_taken', 'Attempts under way', runs.running),
    own('runs_queued', 'Claimed runs that have not begun', runs.queued),
    own('runs_waiting_for_place', 'Claimed runs that are due and have no place', runs.waiting),
    own(
      'holds',
      'Reasons why the process stays up, by kind',
      byLabel('kind', { ...noHolds, ...facts.holds }),
    ),
    own(
      'health_reason',
      'Whether this process sees a reason why the service is not well, by code; 1 or 0',
      healthReasons(facts.reasons),
    ),
    own('database_round_trip_seconds', 'Time of a small statement, made for this scrape', facts.roundTripS),
    own(
      'database_clock_ahead_seconds',
      "How far Postgres' clock is ahead of that of the process",
      facts.clockAheadS,
    ),
  ]
}

const noHolds: Record<HoldKind, number> = {
  boot: 0,
  run: 0,
  delivery: 0,
  arm: 0,
  request: 0,
  page: 0,
  ticker: 0,
  timer: 0,
  reconcile: 0,
  login: 0,
  drain: 0,
}

/** Those that a process sees by itself; what only Postgres knows has metrics of its own. */
const ownReasons: readonly Reason['code'][] = [
  ...(['BACKLOG', 'SLOTS_SKIPPED', 'LATE', 'DELIVERIES_FAILING'] as const),
  ...(['WAKES_LOST', 'TIMER_FAILING', 'TIMER_REFUSED', 'KEYS_FAILING'] as const),
]

function healthReasons(reasons: ProcessFacts['reasons']): Sample[] {
  return ownReasons.map((code) => ({
    labels: { code: code.toLowerCase() },
    value: Number(reasons.some((reason) => reason.code === code)),
  }))
}

const own = (name: string, about: string, value: number | Sample[]) =>
  gauge(`chronos_process_${name}`, about, value)

function gauge(name: string, about: string, value: number | Sample[]): Family {
  return { type: 'gauge', name, about, samples: samplesOf(value) }
}

function counter(name: string, about: string, value: number | Sample[]): Family {
  return { type: 'counter', name, about, samples: samplesOf(value) }
}

function samplesOf(value: number | Sample[]): Sample[] {
  return typeof value === 'number' ? [{ labels: {}, value }] : value
}

function byLabel(label: string, counts: Partial<Record<string, number>>): Sample[] {
  return Object.entries(counts).map(([key, value]) => ({
    labels: { [label]: key } satisfies Labels,
    value: value ?? 0,
  }))
}

function ageS(since: Date | null, now: Date): number {
  return since ? Math.max(0, (now.getTime() - since.getTime()) / 1000) : 0
}
