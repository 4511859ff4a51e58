import assert from 'node:assert/strict'
import {
  firstRuntime,
  attend,
  cancelRun,
  channelsInTexts,
  type Decision,
  defaultPolicy,
  settleDelivery,
  type Sent,
  deliveryLeaseMs,
  type DeliveryWrite,
  type Fold,
  type JobRule,
  leaseMarginMs,
  type LiveRun,
  type Occasion,
  type Outcome,
  pause,
  type PendingDelivery,
  type Policy,
  recount,
  release,
  reschedule,
  resume,
  type Runtime,
  type RunWrite,
  settle,
  startManual,
  stopBroken,
  type View,
} from '../../src/decisions/index.ts'
import { parseSchedule } from '../../src/schedule/parse.ts'

export type ModelOptions = {
  /** `after`: only another job's outcome starts it. */
  schedule?: string
  /** A time of 18 June 2026, UTC, or an instant. */
  now?: string
  policy?: Partial<Policy>
  repeat?: number
  deliver?: unknown
  /** Beside those that `deliver` names in a text, which are there. */
  channels?: View['channels']
  dependents?: View['dependents']
  id?: string
}

/** A run as the model keeps it: what was written last, and how long it is leased. */
export type KeptDelivery = DeliveryWrite & { leaseUntil: Date | null }
export type KeptRun = RunWrite & { leaseUntil: Date | null; claims: number }

/** `09:00` and `09:00:30` are times of 18 June 2026, UTC; anything longer is an instant. */
export function at(text: string): Date {
  return new Date(text.length > 8 ? text : `2026-06-18T${text.length === 5 ? `${text}:00` : text}Z`)
}

export const leaseMs = 300_000

/**
 * One job in memory: decisions are made by the code under test and written here as the database would write them,
 * so that a story can be told in a few lines. Every write is checked against the constraints of the schema.
 */
export function createModel({
  schedule = '0 * * * *',
  now = '08:30',
  policy = {},
  repeat,
  deliver = null,
  channels = [],
  dependents = [],
  id = '000000000000',
}: ModelOptions = {}) {
  let clock = at(now)
  const named = channelsInTexts(deliver).map((name) => ({ name, type: 'slack', defaultOn: null }))
  let job: JobRule = {
    id,
    version: 1,
    schedule:
      schedule === 'after'
        ? { kind: 'after', display: 'after job' }
        : parseSchedule(schedule, { now: clock, zone: 'UTC' }),
    zone: 'UTC',
    anchor: clock,
    repeatTimes: repeat ?? null,
    policy: { ...defaultPolicy, ...policy },
    deliver,
    after: null,
  }
  let runtime: Runtime = firstRuntime(job, clock)
  let wakeAt = runtime.nextSlot
  const runs = new Map<string, KeptRun>()
  const folds: Fold[] = []
  const deliveries = new Map<string, KeptDelivery>()
  let made = 0
  /** 00000001-… : readable, and different in the part that a retry's spread is derived from. */
  const newRunId = () => `${String(++made).padStart(8, '0')}-0000-4000-8000-000000000000`

  function view(): View {
    const live = [...runs.values()].filter((run) => !run.finished).map(asLive)
    const pending = [...deliveries.values()].filter(({ state }) => state === 'pending')
    return {
      ...{
        job,
        runtime,
        registry: { wakeAt, wakeGen: 1, armedGen: 1, armedAt: wakeAt },
        live,
        channels: [...channels, ...named.filter(({ name }) => !channels.some((one) => one.name === name))],
        dependents,
        project: null,
      },
      deliveries: pending.map(asPending),
      now: clock,
    }
  }

  function write<D extends Decision | null>(decision: D): D {
    if (!decision) return decision
    checkAgainstSchema(decision)
    for (const run of decision.runs) {
      const known = runs.get(run.id)
      assert.equal(run.seenFence, known ? known.fence : null, 'a run is written by the fence that was seen')
      const slotTaken =
        !known &&
        run.slot &&
        [...runs.values()].some((other) => other.slot?.getTime() === run.slot?.getTime())
      assert.ok(!slotTaken, 'one run per slot')
      const leaseUntil = run.leased ? new Date(clock.getTime() + leaseMs) : null
      runs.set(run.id, { ...run, leaseUntil, claims: (known?.claims ?? 0) + (run.leased ? 1 : 0) })
    }
    for (const delivery of decision.deliveries) {
      const known = deliveries.get(delivery.id)
      assert.equal(
        delivery.seenAttempt,
        known ? known.attempt : null,
        'a delivery is written by the try that was seen',
      )
      const leaseUntil = delivery.leased ? new Date(clock.getTime() + deliveryLeaseMs) : null
      deliveries.set(delivery.id, { ...delivery, leaseUntil })
    }
    folds.push(...decision.folds)
    runtime = { ...decision.runtime, rev: runtime.rev + 1 }
    const watchdog =
      decision.starts.length > 0 ? clock.getTime() + leaseMs + leaseMarginMs : Number.POSITIVE_INFINITY
    const sent =
      decision.sends.length > 0 ? clock.getTime() + deliveryLeaseMs + leaseMarginMs : Number.POSITIVE_INFINITY
    const least = Math.min(decision.wakeTerm?.getTime() ?? Number.POSITIVE_INFINITY, watchdog, sent)
    wakeAt = Number.isFinite(least) ? new Date(least) : null
    return decision
  }

  const look = (occasion: Partial<Occasion>) =>
    write(attend(view(), { trigger: 'fire', fireAt: null, earlyMs: 60_000, newRunId, ...occasion }))
  const theRun = (runId?: string) => {
    const run = runId ? runs.get(runId) : [...runs.values()].find(({ finished }) => !finished)
    assert.ok(run, 'a run is live')
    return run
  }

  return {
    ...{ runs, folds, deliveries, view, write, theRun },
    job: () => job,
    runtime: () => runtime,
    wakeAt: () => wakeAt,
    now: () => clock,
    setTime(text: string | Date) {
      clock = typeof text === 'string' ? at(text) : text
    },
    /** NAS fires: by default for the instant that it was armed for, at `time`. */
    fire(time?: string, fireAt: string | null = null) {
      if (time) clock = at(time)
      return look({ fireAt: fireAt ? at(fireAt) : wakeAt })
    },
    tick(time?: string) {
      if (time) clock = at(time)
      return look({ trigger: 'builtin', earlyMs: 0 })
    },
    look,
    settle(outcome: Outcome, runId?: string) {
      const { id: runId_, fence } = theRun(runId)
      return write(settle(view(), { runId: runId_, fence, outcome }))
    },
    /** How the newest try of a delivery went; without an id of the one that is held. */
    delivered(result: Sent, deliveryId?: string) {
      const held = [...deliveries.values()].find((one) =>
        deliveryId ? one.id === deliveryId : one.leaseUntil !== null,
      )
      assert.ok(held, 'a delivery is held')
      return write(settleDelivery(view(), { id: held.id, attempt: held.attempt, result }))
    },
    /** `success delivered 1`: one line per delivery, with its tries. */
    deliveryLines: () =>
      [...deliveries.values()].map(({ target, event, state, attempt }) => {
        const to = target.channel ?? target.type ?? target.job
        return `${to} ${event} ${state} ${attempt}`
      }),
    release(runId?: string) {
      const { id: runId_, fence } = theRun(runId)
      return write(release(view(), { runId: runId_, fence }))
    },
    /** The run gets its place, and begins. */
    begin(runId?: string) {
      theRun(runId).state = 'running'
    },
    renew(runId?: string) {
      const run = theRun(runId)
      run.leaseUntil = new Date(clock.getTime() + leaseMs)
    },
    pause: (until: string | null = null) =>
      write(pause(view(), { reason: 'asked', until: until === null ? null : at(until) })),
    resume: () => write(resume(view())),
    runNow: () => write(startManual(view(), { runId: newRunId(), trigger: 'manual', input: null })),
    startAfter: () =>
      write(startManual(view(), { runId: newRunId(), trigger: 'after', input: 'of the run ahead' })),
    cancel: (runId?: string) => write(cancelRun(view(), theRun(runId).id, 'cancelled by request')),
    reschedule(text: string) {
      const old = job
      job = { ...job, schedule: parseSchedule(text, { now: clock, zone: 'UTC' }), anchor: clock }
      return write(reschedule(view(), old))
    },
    /** No one can read the rule any more; whoever looks stops the job. */
    breakRule() {
      job = { ...job, schedule: { kind: 'cron', expr: 'no cron', display: 'no cron' } }
      return write(stopBroken(view(), 'INTERNAL: broken'))
    },
    recount(change: { policy?: Partial<Policy>; repeat?: number | null }) {
      const old = job
      const repeatTimes = change.repeat === undefined ? job.repeatTimes : change.repeat
      job = { ...job, repeatTimes, policy: { ...job.policy, ...change.policy } }
      return write(recount(view(), old))
    },
    /** `09:00 fire claimed`: one line per run, in the order in which they were made. */
    runLines: () => [...runs.values()].map((run) => `${hhmm(run.slot)} ${run.trigger} ${run.state}`),
    /** `09:00-11:00 x3 missed`: one line per fold. */
    foldLines: () =>
      folds.map((fold) => `${hhmm(fold.firstSlot)}-${hhmm(fold.lastSlot)} x${fold.count} ${fold.verdict}`),
  }
}

export type Model = ReturnType<typeof createModel>

export const hhmm = (instant: Date | null) => instant?.toISOString().slice(11, 16) ?? 'none'
export const iso = (instant: Date | null | undefined) => instant?.toISOString() ?? null

function asLive(run: KeptRun): LiveRun {
  const { id, slot, trigger, fence, attempt, leaseUntil, attemptDueAt, callbackUntil } = run
  const { startedAt, attempts, input } = run
  return {
    ...{ id, slot, trigger, fence, attempt, leaseUntil, attemptDueAt, callbackUntil },
    ...{ startedAt, attempts, input },
    state: run.state === 'running' || run.state === 'waiting' ? run.state : 'claimed',
    owner: leaseUntil && 'machine:boot',
  }
}

function asPending(kept: KeptDelivery): PendingDelivery {
  const { id, runId, target, event, attempt, dueAt, leaseUntil } = kept
  return { id, runId, target, event, attempt, dueAt, leaseUntil, owner: leaseUntil && 'machine:boot' }
}

/** What the checks of `job_runtime`, `runs` and `deliveries` would refuse. */
function checkAgainstSchema({ runtime, runs, folds, deliveries }: Decision) {
  const { nextSlot, lastSlot, state, pausedAt, resumeAt, slotsUsed, failureStreak, fence } = runtime
  assert.ok(!nextSlot || !lastSlot || nextSlot > lastSlot, 'job_runtime_slots_ordered')
  assert.equal(state === 'paused', pausedAt !== null, 'job_runtime_paused')
  assert.ok(resumeAt === null || state === 'paused', 'job_runtime_resume')
  assert.ok(slotsUsed >= 0 && failureStreak >= 0 && fence >= 0, 'job_runtime_counts')
  for (const run of runs) {
    assert.equal(['claimed', 'running', 'waiting'].includes(run.state), !run.finished, 'runs_finished')
    assert.equal(run.state === 'waiting', run.callbackUntil !== null, 'runs_waiting')
    assert.ok(run.state !== 'waiting' || !run.leased, 'runs_waiting')
    assert.ok(!run.leased || !run.finished, 'runs_lease')
    assert.ok(run.attempt >= (run.leased ? 1 : 0), 'runs_attempt_counted')
  }
  for (const { state: told, dueAt, leased } of deliveries) {
    assert.equal(told === 'pending', (dueAt === null) === leased, 'deliveries_owed')
  }
  for (const fold of folds) assert.ok(fold.firstSlot <= fold.lastSlot && fold.count >= 1, 'folded_slots_span')
}
