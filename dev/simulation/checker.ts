import { jitterMs, type JobRule, lateMs as overdueMs, leaseMarginMs } from '../../src/decisions/index.ts'
import { ruleOf } from '../../db/index.ts'
import { slotsIn } from '../../src/schedule/index.ts'
import type { Clock } from './clock.ts'
import type { NasChange } from './nas.ts'
import { createPauseJudge } from './pauses.ts'
import { createOutboxJudge, outboxTerms } from './outbox.ts'
import type { Arrival } from './receivers.ts'
import type { FoldRow, JobRow, RunRow } from './rows.ts'
import type { Tables } from './tables.ts'
import type { Trace } from './trace.ts'
import type { Effect } from './target.ts'

export type Violation = { at: string; rule: string; jobId: string; message: string }

/** `asOf`: the instant of the look that a decision was made from; a changed rule holds from then on. */
type Watched = { name: string; jobId?: string; asOf?: Date }

export type Checker = ReturnType<typeof createChecker>

type CheckerNeeds = {
  clock: Clock
  trace: Trace
  tables: Tables
  effects: Effect[]
  arrivals: Arrival[]
  /** The instant that NAS holds for the job; null: none. */
  armedMs: (jobId: string) => number | null
}

/** What is kept of a job beside its rows, to judge them by. */
type Known = {
  /** Every slot that has its verdict, and which. */
  verdicts: Map<number, string>
  /** NAS was confirmed to hold a wake-up, and none has been let go since: from here on it must hold one. */
  isChained: boolean
  /** NAS let the job go, as it may: until the next confirmation no one can know. */
  excuse: string | null
  /** The most runs at once that its policy has ever allowed: what was let in under one policy goes on under the next. */
  limit: number
  /** Since when an arm has been owed; null: none is. */
  owedSinceMs: number | null
}

/** What is due may be armed a little ahead: to be fresh, and for a NAS that refuses what its clock calls past. */
const dueSlackMs = 130_000
/** What a sweep may take: a look, and an arm for each job. */
const sweepMs = 60_000
/** NAS' own delay. */
const callSlackMs = 1_000

/**
 * Judges a world by what has to be true at any moment, whatever goes wrong. It sees everything and is seen by no one;
 * what ran it knows from the target's log alone.
 */
export function createChecker({ clock, trace, tables, effects, arrivals, armedMs }: CheckerNeeds) {
  const violations: Violation[] = []
  const known = new Map<string, Known>()
  /** The latest end that a lease of (run, fence) was ever given. */
  const grants = new Map<string, number>()
  const attempts = new Set<string>()
  const deleted = new Set<string>()
  /** When fires were answered with a 2xx. */
  let answeredMs: number[] = []
  const pauses = createPauseJudge({ tables, now: clock.now, broken })
  const outbox = createOutboxJudge({ tables, arrivals, now: clock.date, broken })

  function broken(rule: string, jobId: string, message: string) {
    trace('CHECKER', rule, `${jobId}: ${message}`)
    violations.push({ at: clock.date().toISOString(), rule, jobId, message })
  }

  function knownOf(jobId: string): Known {
    const found = known.get(jobId) ?? {
      verdicts: new Map<number, string>(),
      isChained: false,
      excuse: null,
      limit: 1,
      owedSinceMs: null,
    }
    known.set(jobId, found)
    return found
  }

  /** Carries a statement out, and judges what it changed. */
  function watch<T>({ name, jobId, asOf }: Watched, carryOut: () => T): T {
    const before = jobId === undefined ? null : snapshot(tables.jobs.get(jobId))
    const result = carryOut()
    if (name === 'renew') for (const job of tables.jobs.values()) noteGrants(job)
    if (name === 'resumeProject') for (const job of tables.jobs.values()) judgeWakeTime(job)
    if (jobId === undefined || name === 'look') return result
    const job = tables.jobs.get(jobId)
    if (!job) {
      if (before) deleted.add(jobId)
      return result
    }
    noteGrants(job)
    if (before && job.runtime !== before.runtime) judgeTransition(before, job, asOf ?? clock.date())
    judgeWakeTime(job)
    judgeChain(jobId)
    return result
  }

  type Before = Pick<JobRow, 'runtime' | 'runs' | 'authored' | 'deliveries'> & { folds: number }

  function snapshot(job: JobRow | undefined): Before | null {
    if (!job) return null
    const { runtime, runs, folds, authored, deliveries } = job
    return { runtime, runs, folds: folds.length, authored, deliveries }
  }

  function judgeTransition(before: Before, job: JobRow, asOf: Date) {
    const jobId = job.authored.id
    if (job.runtime.fence < before.runtime.fence)
      broken('the fence only grows', jobId, `${before.runtime.fence} → ${job.runtime.fence}`)
    // rows are replaced where they are, so a run keeps its place
    for (const [n, run] of before.runs.entries()) {
      if (run.finishedAt !== null && job.runs[n] !== run)
        broken('terminal is terminal', jobId, `run ${run.id} (${run.state}) was changed`)
    }
    const changed = job.runs.filter((run, n) => before.runs[n] !== run)
    for (const run of changed) if (run.state === 'succeeded') judgeSuccess(jobId, run)
    judgeLeases(before, job)
    outbox.judgeWrite(before, job)
    judgeSlots(before, job, asOf)
  }

  /** Nothing is reported that is not so. */
  function judgeSuccess(jobId: string, run: RunRow) {
    const last = run.attempts.at(-1)
    const effect = effects.find(
      (one) => one.runId === run.id && one.attempt === last?.attempt && one.fence === last.fence,
    )
    if (!effect?.succeeded)
      broken(
        'a success is one',
        jobId,
        `run ${run.id} attempt ${last?.attempt} fence ${last?.fence}: ${JSON.stringify(effect)}`,
      )
  }

  function judgeLeases(before: Before, { authored, runs }: JobRow) {
    const { policy } = ruleOf(authored)
    const kept = knownOf(authored.id)
    kept.limit = Math.max(kept.limit, policy.overlap === 'allow' ? policy.maxLive : 1)
    const { limit } = kept
    const isLeased = (run: RunRow) => run.leaseUntil !== null && run.leaseUntil > clock.date()
    const leased = runs.filter(isLeased)
    const taken = leased.filter(
      (run) => !before.runs.some(({ id, fence }) => id === run.id && fence === run.fence),
    )
    pauses.judgeTaken(authored, taken)
    if (taken.length > 0 && leased.length > limit) {
      broken(
        'never more live leases than allowed',
        authored.id,
        `${leased.length} live, ${limit} allowed: ${leased.map(({ id }) => id).join(' ')}`,
      )
    }
  }

  /** The slots that this write passed over are those that the rule names, each with one verdict. */
  function judgeSlots(before: Before, job: JobRow, asOf: Date) {
    const jobId = job.authored.id
    const { verdicts } = knownOf(jobId)
    const made = job.runs.slice(before.runs.length)
    pauses.judgeMade(jobId, made)
    const given = made.flatMap(({ slot }): [number, string][] => (slot ? [[slot.getTime(), 'run']] : []))
    for (const fold of job.folds.slice(before.folds)) given.push(...unfold(jobId, fold))
    for (const [slotMs, verdict] of given) {
      const earlier = verdicts.get(slotMs)
      if (earlier)
        broken(
          'every slot has one verdict',
          jobId,
          `${new Date(slotMs).toISOString()}: ${earlier}, then ${verdict}`,
        )
      verdicts.set(slotMs, verdict)
    }
    const from = before.runtime.nextSlot?.getTime()
    if (from === undefined) return
    const rule = ruleOf(before.authored)
    const isRuleChanged =
      JSON.stringify(rule.schedule) !== JSON.stringify(ruleOf(job.authored).schedule) ||
      before.authored !== job.authored
    const lastGiven = Math.max(from - 1, ...given.map(([slotMs]) => slotMs))
    const next = job.runtime.nextSlot?.getTime() ?? lastGiven + 1
    const until = isRuleChanged ? Math.max(lastGiven, Math.min(asOf.getTime(), next - 1)) : next - 1
    for (const slotMs of nominal(rule, from, until)) {
      if (isWithin(rule, ruleOf(job.authored), slotMs) && !verdicts.has(slotMs))
        broken(
          'every slot has one verdict',
          jobId,
          `${new Date(slotMs).toISOString()} was passed over without one`,
        )
    }
    for (const [slotMs, verdict] of given) {
      if (!isNominal(rule, slotMs))
        broken('only slots have verdicts', jobId, `${new Date(slotMs).toISOString()} (${verdict}) is no slot`)
    }
  }

  function unfold(jobId: string, fold: FoldRow): [number, string][] {
    const slots = nominal(fold.rule, fold.firstSlot.getTime(), fold.lastSlot.getTime())
    if (slots.length !== fold.count)
      broken('a fold counts its slots', jobId, `${fold.count} told, ${slots.length} there`)
    return slots.map((slotMs) => [slotMs, fold.verdict])
  }

  /** The wake time is no later than anything that needs a process. Derived here again, from the rows. */
  function judgeWakeTime(job: JobRow) {
    const { authored, runtime, registry, runs } = job
    const rule = ruleOf(authored)
    const terms = outboxTerms(job)
    const isHeld = pauses.isPaused()
    if (runtime.resumeAt) terms.push(['end of the pause', runtime.resumeAt.getTime()])
    const live = runs.filter((run) => run.finishedAt === null)
    const begun = live.filter(({ attempt }) => attempt > 0)
    const limit = rule.policy.overlap === 'allow' ? rule.policy.maxLive : 1
    const isFull = begun.length >= limit
    // a limit that was lowered: what is due waits for the end of what is held
    const isBusy = live.filter(({ attemptDueAt }) => attemptDueAt === null).length >= limit
    if (runtime.state === 'scheduled' && runtime.nextSlot && !isHeld) {
      const dueMs = runtime.nextSlot.getTime() + jitterMs(rule)
      // what is to be caught up with, slot by slot, waits for the run before it
      const isBacklog = begun.some(({ startedAt }) => dueMs <= (startedAt?.getTime() ?? clock.now()))
      if (rule.policy.catchUp !== 'all' || !isFull || !isBacklog)
        terms.push(['next slot', pauses.wakeMs(dueMs, true)])
    }
    for (const run of live) {
      if (run.leaseUntil) terms.push(['lease end', run.leaseUntil.getTime() + leaseMarginMs])
      if (!run.attemptDueAt || runtime.state === 'paused' || isHeld) continue
      const dueMs = run.attemptDueAt.getTime()
      if (run.attempt > 0 ? !isBusy : !isFull)
        terms.push(['attempt', pauses.wakeMs(dueMs, run.attempt === 0)])
    }
    for (const [name, ms] of terms) {
      if (!registry.wakeAt || registry.wakeAt.getTime() > ms) {
        const wanted = registry.wakeAt?.toISOString() ?? 'none'
        broken(
          'the wake time covers all',
          authored.id,
          `W is ${wanted}, ${name} is ${new Date(ms).toISOString()}`,
        )
      }
    }
  }

  /** A ≤ W for what was confirmed; and once confirmed, NAS never holds nothing while something is wanted. */
  function judgeChain(jobId: string) {
    const job = tables.jobs.get(jobId)
    if (!job) return
    const { wakeAt, wakeGen, armedGen } = job.registry
    const chain = knownOf(jobId)
    const isConfirmed = armedGen === wakeGen
    chain.owedSinceMs = isConfirmed ? null : (chain.owedSinceMs ?? clock.now())
    if (!wakeAt) {
      chain.isChained = false
      return
    }
    const heldMs = armedMs(jobId)
    if (isConfirmed && !chain.excuse) chain.isChained = true
    if (!chain.isChained || chain.excuse) return
    if (heldMs === null) {
      broken(
        'the chain does not break',
        jobId,
        `W is ${wakeAt.toISOString()}${isConfirmed ? ', confirmed' : ''}; NAS holds nothing`,
      )
      chain.isChained = false
      chain.excuse = 'told'
    } else if (isConfirmed && heldMs > Math.max(wakeAt.getTime() + callSlackMs, clock.now() + dueSlackMs)) {
      broken(
        'A ≤ W',
        jobId,
        `W is ${wakeAt.toISOString()}, confirmed; NAS calls at ${new Date(heldMs).toISOString()}`,
      )
    }
  }

  function nasChanged(jobId: string, change: NasChange, fireAtMs?: number) {
    const chain = knownOf(jobId)
    if (change === 'swallowed') judgeFreshness(jobId, fireAtMs ?? 0)
    if (change === 'holds') chain.excuse = null
    if (change === 'forgot' || change === 'gave_up' || change === 'swallowed' || change === 'lost') {
      chain.excuse = change
      chain.isChained = false
    }
    judgeChain(jobId)
  }

  /** What a process died with before it was noted, or was noted long ago, no one can know: the rest is never repeated. */
  function judgeFreshness(jobId: string, fireAtMs: number) {
    const isSame = (at: Date) => Math.floor(at.getTime() / 1000) === Math.floor(fireAtMs / 1000)
    if (tables.jobs.get(jobId)?.registry.recentArms.some(isSame))
      broken('every arm is fresh', jobId, new Date(fireAtMs).toISOString())
  }

  function noteGrants(job: JobRow) {
    for (const { id, fence, leaseUntil } of job.runs) {
      if (leaseUntil)
        grants.set(`${id}:${fence}`, Math.max(grants.get(`${id}:${fence}`) ?? 0, leaseUntil.getTime()))
    }
  }

  /** An effect begins under a lease, not before its slot, and once for each attempt. */
  function effectBegan(effect: Effect) {
    const { jobId, runId, attempt, fence, slotMs, atMs } = effect
    const grant = grants.get(`${runId}:${fence}`)
    if (grant === undefined || grant <= atMs)
      broken('an effect begins under its lease', jobId, JSON.stringify({ ...effect, grant }))
    if (slotMs !== null && atMs < slotMs)
      broken('no effect comes before its slot', jobId, JSON.stringify(effect))
    const key = `${runId}:${attempt}`
    if (attempts.has(key)) broken('no attempt has two effects', jobId, JSON.stringify(effect))
    attempts.add(key)
    const verdict = slotMs === null ? 'run' : knownOf(jobId).verdicts.get(slotMs)
    if (verdict !== 'run')
      broken('no effect for a slot that did not run', jobId, `${verdict}: ${JSON.stringify(effect)}`)
  }

  /** What has to be true once everything has been quiet for long: nothing is late, owed or live without end. */
  function judgeRest({ lateMs, all }: { lateMs: number; all: boolean }) {
    for (const [jobId, job] of tables.jobs) {
      const { wakeAt, armedGen, wakeGen } = job.registry
      const { owedSinceMs } = knownOf(jobId)
      // what was asked for but never promised is owed, and found when NAS calls next
      const heldMs = armedMs(jobId)
      const isPromised =
        knownOf(jobId).isChained && (armedGen === wakeGen || heldMs === null || heldMs <= clock.now())
      const isOurs = all || isPromised
      if (!isOurs) continue
      if (wakeAt && wakeAt.getTime() < clock.now() - lateMs) {
        broken(
          'what is due is attended to',
          jobId,
          `W is ${wakeAt.toISOString()} (${job.runtime.state}), now ${clock.date().toISOString()}`,
        )
      }
      if (all && owedSinceMs !== null && owedSinceMs < clock.now() - lateMs / 2)
        broken(
          'what is owed gets armed',
          jobId,
          `W is ${wakeAt?.toISOString()}, confirmed ${armedGen} of ${wakeGen}`,
        )
      judgeLeftOvers(job)
    }
  }

  /** Whatever NAS did with its row: a job that was overdue when any fire was answered is attended to by that process. */
  function judgeSweeps(sinceMs: number) {
    const lastMs = answeredMs.findLast((ms) => ms >= sinceMs && ms < clock.now() - sweepMs)
    if (lastMs === undefined) return
    for (const [jobId, { registry }] of tables.jobs) {
      const { wakeAt } = registry
      if (wakeAt && wakeAt.getTime() < lastMs - overdueMs - callSlackMs)
        broken(
          'every fire finds what was lost',
          jobId,
          `W is ${wakeAt.toISOString()}, and a fire was answered at ${new Date(lastMs).toISOString()}`,
        )
    }
  }

  /** A resume of the project was answered 2xx: each job that it made due has been armed. */
  function resumed(jobIds: string[]) {
    for (const jobId of jobIds) {
      const wakeAt = tables.jobs.get(jobId)?.registry.wakeAt
      if (wakeAt && !knownOf(jobId).excuse && armedMs(jobId) === null)
        broken('a resume that is answered is armed', jobId, `W is ${wakeAt.toISOString()}; NAS holds nothing`)
    }
  }

  function judgeLeftOvers({ authored, runs }: JobRow) {
    for (const run of runs) {
      if (run.state !== 'skipped') continue
      if (effects.some(({ runId }) => runId === run.id))
        broken('a skipped slot had no effect', authored.id, run.id)
    }
  }

  return {
    watch,
    nasChanged,
    effectBegan,
    arrived: outbox.arrived,
    reported: outbox.reported,
    reportsTaken: outbox.reportsTaken,
    resumed,
    judgeRest,
    judgeSweeps,
    fireAnswered: () => {
      answeredMs = [...answeredMs.slice(-999), clock.now()]
    },
    broken,
    violations,
    verdictsOf: (jobId: string) => knownOf(jobId).verdicts,
    deleted,
    jobIds: () => [...known.keys()],
  }
}

function nominal(
  rule: Pick<JobRule, 'schedule' | 'zone' | 'anchor'>,
  fromMs: number,
  untilMs: number,
): number[] {
  if (untilMs < fromMs) return []
  if (rule.schedule.kind === 'after') return []
  if (rule.schedule.kind === 'once') {
    const ms = rule.schedule.runAt.getTime()
    return ms >= fromMs && ms <= untilMs ? [ms] : []
  }
  return [...slotsIn(rule, { after: new Date(fromMs - 1), until: new Date(untilMs) })].map((slot) =>
    slot.getTime(),
  )
}

/** Whether the bounds that the author set, before and after the change, both hold the slot. */
function isWithin(before: JobRule, after: JobRule, slotMs: number): boolean {
  return [before.policy, after.policy].every(
    ({ startsAt, endsAt }) =>
      (startsAt?.getTime() ?? slotMs) <= slotMs && slotMs <= (endsAt?.getTime() ?? slotMs),
  )
}

function isNominal(rule: JobRule, slotMs: number): boolean {
  return nominal(rule, slotMs, slotMs).length === 1
}
