import { isDeepStrictEqual } from 'node:util'
import type { ArmLease, ArmOrder, ArmResult, Authored, Look, Written } from '../../db/index.ts'
import type { ReadyClaim, ReadyClaimed } from '../../db/ready.ts'
import type { ListedArms, TakenArm } from '../../db/arms.ts'
import { keyTaken, nothingToFollow, ruleOf } from '../../db/index.ts'
import type { Writing } from '../../db/move.ts'
import type { NewJob } from '../../db/jobs.ts'
import type { Held } from '../../db/runs.ts'
import {
  blankOf,
  having,
  liveRunColumns,
  outcomeColumns,
  pick,
  registryColumns,
  runColumns,
  writtenRunColumns,
} from '../../src/columns/index.ts'
import {
  type Decision,
  deliveryLeaseMs,
  type DeliveryWrite,
  jitterMs,
  leaseMarginMs,
  type LiveRun,
  readyAfter,
  readyOfNew,
  readyRun,
  type RunWrite,
  type View,
  viewAfter,
} from '../../src/decisions/index.ts'
import { AppError } from '../../src/ground/errors.ts'
import { checkDelivery, checkRun, checkRuntime, ConstraintBroken } from './constraints.ts'
import { createProjectRows } from './projects.ts'
import { lastOutput, nameOfTarget, toldBy } from './told.ts'
import type { DeliveryRow, JobRow, RunRow, RuntimeRow } from './rows.ts'

export type Tables = ReturnType<typeof createTables>

const armsUsedKept = 6
const lookedColumns = having(registryColumns, 'look')
const { errorCode: _, errorMessage: __, ...plainColumns } = writtenRunColumns

/**
 * The tables and statements of `db/`, in memory: the same compare-and-sets, leases, fences, generations and
 * constraints, each statement whole or not at all. `now` is given to every one, as Postgres' clock. Held against the
 * SQL by test/simulation/conformance.test.ts.
 */
export function createTables() {
  const jobs = new Map<string, JobRow>()
  /** Of the newest row in `arms`, by job. */
  const lastAsked = new Map<string, Date>()
  const orphans = new Map<
    string,
    { deletedAt: Date; cancelledAt: Date | null; armedSchedule: string | null }
  >()
  const facts = new Map<string, { value: unknown; updatedAt: Date }>()
  const keys = new Map<string, { jobId: string; bodyHash: string }>()
  const jobOfRunId = new Map<string, string>()
  const channels: View['channels'] = []
  const projects = createProjectRows({ jobs, touch })

  const sortedIds = () => [...jobs.keys()].sort()

  function look(jobId: string, now: Date): Look | null {
    const job = jobs.get(jobId)
    if (!job) return null
    const { runtime, registry } = job
    const live = job.runs
      .filter((run) => run.finishedAt === null)
      .map((run) => pick(liveRunColumns, run) as LiveRun)
    const shown = pick(lookedColumns, registry)
    const view = {
      job: ruleOf(job.authored),
      runtime: { ...runtime },
      registry: shown,
      live,
      deliveries: job.deliveries.filter(({ state }) => state === 'pending').map(readPending),
      channels: channels.filter(
        ({ type, defaultOn }) =>
          job.authored.deliver !== null || defaultOn !== null || type === 'healthcheck',
      ),
      dependents: followersOf(jobId).map(({ authored: { id, after } }) => ({ id, on: after?.on ?? [] })),
      project: projects.stateOf(job, now),
      now,
    }
    return { authored: job.authored, view, registry: shown }
  }

  function transition(
    view: View,
    decision: Decision,
    writing: Omit<Writing, 'now'>,
    now: Date,
    rule = view.job,
  ): Written | null {
    const job = jobs.get(view.job.id)
    if (!job || job.runtime.rev !== view.runtime.rev) return null
    const { registry } = job
    const leaseUntil = new Date(now.getTime() + writing.leaseMs)
    const wakeAt = wantedWakeAt(decision, now, leaseUntil)
    const moved = !isSame(wakeAt, registry.wakeAt) || writing.armSpent
    const isFree = registry.armLeaseUntil === null || registry.armLeaseUntil <= now
    const isHeir =
      writing.armLease !== null && registry.armLeaseBy?.startsWith(writing.armLease.heirOf) === true
    const takes =
      writing.armLease !== null && (moved || registry.armedGen < registry.wakeGen) && (isFree || isHeir)
    const runtime = { ...decision.runtime, rev: job.runtime.rev + 1 }
    const gen = registry.wakeGen + (moved ? 1 : 0)
    checkRuntime(runtime)
    for (const { id, seenFence } of decision.runs) {
      if (seenFence === null && jobOfRunId.has(id))
        throw new ConstraintBroken(`violates unique constraint "runs_pkey": ${id}`)
    }
    const written = writeRuns(job, decision.runs, { ...writing, now, leaseUntil })
    const deliveries = writeDeliveries(job, decision.deliveries, { owner: writing.owner, now })
    job.runtime = runtime
    job.ready = { ...readyAfter({ ...view, job: rule }, decision), readyRev: runtime.rev }
    job.registry = {
      ...registry,
      wakeAt,
      wakeGen: gen,
      wakeChangedAt: moved ? now : registry.wakeChangedAt,
      ...(takes && leaseArm(writing.armLease, now)),
    }
    job.runs = written.runs
    job.deliveries = deliveries
    for (const id of written.inserted) jobOfRunId.set(id, job.authored.id)
    const { schedule, zone, anchor } = view.job
    for (const fold of decision.folds) job.folds.push({ ...fold, rule: { schedule, zone, anchor } })
    const order = takes && writing.armLease ? orderOf(job, writing.armLease, now) : null
    const isArmOwed = registry.armedGen < gen
    return { rev: runtime.rev, wakeAt, isArmOwed, order, inserted: written.inserted, leaseUntil, now }
  }

  function claimReady(claim: ReadyClaim, now: Date): ReadyClaimed | null {
    const job = jobs.get(claim.jobId)
    const slot = job?.runtime.nextSlot
    if (!job || !slot || !isReady(job, now) || projects.stateOf(job, now) !== null) return null
    const { ready, runtime, authored } = job
    const { runId: id, trigger, owner, begins, armLease } = claim
    const fence = runtime.fence + 1
    const run = readyRun({ id, slot, trigger, fence })
    const advanced = { lastSlot: slot, nextSlot: ready.afterSlot, slotsUsed: runtime.slotsUsed + 1, fence }
    const jitter = jitterMs(ruleOf(authored))
    const decision = {
      ...{ runtime: { ...runtime, ...advanced }, runs: [run], starts: [run], folds: [], deliveries: [] },
      ...{ sends: [], stops: [], wakeTerm: ready.afterSlot && new Date(ready.afterSlot.getTime() + jitter) },
    }
    const { view } = look(claim.jobId, now) as Look
    const leaseMs = view.job.policy.leaseMs ?? claim.leaseMs
    const writing = { owner, leaseMs, begins, armSpent: true, armLease, output: null }
    const written = transition(view, decision, writing, now) as Written
    const after = look(claim.jobId, now) as Look
    return {
      look: {
        ...after,
        view: viewAfter({ ...view, registry: after.registry }, decision, { ...written, owner }),
      },
      run,
      written,
    }
  }

  function takeArm({ jobId, lease }: { jobId: string; lease: ArmLease }, now: Date): TakenArm {
    const job = jobs.get(jobId)
    if (!job || job.registry.armedGen >= job.registry.wakeGen) return { state: 'armed' }
    const { armLeaseUntil, armLeaseBy } = job.registry
    if (!armLeaseBy?.startsWith(lease.heirOf)) {
      if (armLeaseUntil !== null && armLeaseUntil > now) return { state: 'busy' }
    }
    job.registry = { ...job.registry, ...leaseArm(lease, now) }
    return { state: 'order', order: orderOf(job, lease, now) }
  }

  function recordArm(jobId: string, result: ArmResult & { holder: string }, now: Date) {
    const job = jobs.get(jobId)
    if (!job || job.registry.armLeaseBy !== result.holder) return { isOwed: true, isWritten: false }
    const { registry } = job
    const { fireAt } = result
    const isDone = result.outcome !== 'failed'
    lastAsked.set(jobId, now)
    job.registry = {
      ...registry,
      armLeaseBy: null,
      armLeaseUntil: null,
      ...(isDone && {
        armedGen: Math.max(registry.armedGen, result.gen),
        armedAt: fireAt,
        armedSchedule: result.outcome === 'armed' ? result.scheduleId : null,
      }),
      recentArms:
        fireAt === null || !result.mayBeHeld
          ? registry.recentArms
          : [fireAt, ...registry.recentArms].filter((at, n) => n < armsUsedKept || at > now).slice(0, 64),
      armError: result.outcome === 'failed' ? `${result.code}: ${result.message}` : null,
      armFailedAt: isDone ? null : (registry.armFailedAt ?? now),
    }
    return { isOwed: job.registry.armedGen < job.registry.wakeGen, isWritten: true }
  }

  function disownArm(jobId: string, gen: number): boolean {
    const job = jobs.get(jobId)
    if (!job || job.registry.armedGen !== gen || job.registry.wakeGen !== gen) return false
    job.registry = { ...job.registry, wakeGen: gen + 1 }
    return true
  }

  function noteCallback(url: string, now: Date): boolean {
    const before = facts.get('callback_url')
    facts.set('callback_url', before?.value === url ? before : { value: url, updatedAt: now })
    if (before === undefined || before.value === url) return false
    for (const job of jobs.values()) {
      if (job.registry.wakeAt) job.registry = { ...job.registry, wakeGen: job.registry.wakeGen + 1 }
    }
    return true
  }

  function begin(
    { jobId, runId, fence, leaseMs, owner }: Held & { jobId: string; owner: string },
    now: Date,
  ): boolean {
    const run = jobs.get(jobId)?.runs.find(({ id }) => id === runId)
    if (!run || !isHeld(run, { fence, owner, now })) return false
    Object.assign(run, { state: 'running', startedAt: now, leaseUntil: new Date(now.getTime() + leaseMs) })
    return true
  }

  function renew({ held, owner }: { held: Held[]; owner: string }, now: Date): Set<string> {
    const renewed = new Set<string>()
    for (const { runId, fence, leaseMs } of held) {
      const run = findRun(runId)
      if (!run || !isHeld(run, { fence, owner, now })) continue
      run.leaseUntil = new Date(now.getTime() + leaseMs)
      renewed.add(runId)
    }
    return renewed
  }

  function findRun(runId: string): RunRow | undefined {
    return jobs.get(jobOfRunId.get(runId) ?? '')?.runs.find(({ id }) => id === runId)
  }

  function createJob(
    job: Omit<NewJob, 'now'>,
    key: { key: string; bodyHash: string } | null,
    now: Date,
  ): Authored | null {
    if (key && keys.has(key.key)) return null
    if (jobs.has(job.id)) throw new ConstraintBroken('violates unique constraint "jobs_pkey"')
    checkKey(job)
    if (job.after && !jobs.has(job.after.job)) throw nothingToFollow(job.after.job)
    const { runtime, wakeAt, ...rest } = job
    const authored: Authored = { ...rest, version: 1, createdAt: now, updatedAt: now }
    jobs.set(job.id, {
      authored,
      runtime,
      ready: { ...readyOfNew(ruleOf(authored), runtime), readyRev: runtime.rev },
      registry: { ...blankOf(registryColumns), wakeAt, wakeChangedAt: now },
      runs: [],
      folds: [],
      deliveries: [],
    })
    if (job.after) touch(job.after.job)
    if (key) keys.set(key.key, { jobId: job.id, bodyHash: key.bodyHash })
    return authored
  }

  function changeJob(
    authored: Authored,
    view: View,
    decision: Decision | null,
    writing: Omit<Writing, 'now'>,
    now: Date,
  ): boolean {
    const [before, after] = [view.job.after?.job, authored.after?.job]
    if (after !== undefined && after !== before) checkFollowing(authored.id, after)
    const job = jobs.get(authored.id)
    if (!job || job.authored.version !== authored.version) return false
    if (job.runtime.rev !== view.runtime.rev) return false
    checkKey(authored)
    const rule = ruleOf({ ...authored, version: authored.version + 1 })
    if (decision) transition(view, decision, writing, now, rule)
    else touch(authored.id)
    if (JSON.stringify(view.job.after) !== JSON.stringify(authored.after))
      for (const id of new Set([before, after])) touch(id)
    const { createdAt } = job.authored
    job.authored = { ...authored, createdAt, version: authored.version + 1, updatedAt: now }
    return true
  }

  function checkKey({ id, key }: Pick<Authored, 'id' | 'key'>) {
    if (key === null) return
    for (const { authored } of jobs.values())
      if (authored.key === key && authored.id !== id) throw keyTaken(key)
  }

  /** What was seen of the job is out of date. */
  function touch(jobId: string | undefined) {
    const job = jobs.get(jobId ?? '')
    if (job) job.runtime = { ...job.runtime, rev: job.runtime.rev + 1 }
  }

  /** In the order in which they were made. */
  function followersOf(jobId: string): JobRow[] {
    return [...jobs.values()].filter(({ authored }) => authored.after?.job === jobId)
  }

  function checkFollowing(id: string, ahead: string) {
    const seen = new Set<string>()
    for (let at: string | undefined = ahead; at && jobs.has(at) && !seen.has(at); ) {
      if (at === id) throw new AppError('AFTER_CYCLE', `${id} would start itself`)
      seen.add(at)
      at = jobs.get(at)?.authored.after?.job
    }
    if (!jobs.has(ahead)) throw nothingToFollow(ahead)
  }

  function deleteJob(jobId: string, now: Date): string[] | null {
    const job = jobs.get(jobId)
    if (!job) return null
    if (followersOf(jobId).length > 0) throw new AppError('JOB_STATE_CONFLICT', `others follow job ${jobId}`)
    const { armedSchedule } = job.registry
    if (!orphans.has(jobId)) orphans.set(jobId, { deletedAt: now, cancelledAt: null, armedSchedule })
    jobs.delete(jobId)
    for (const [key, known] of keys) if (known.jobId === jobId) keys.delete(key)
    for (const { id } of job.runs) jobOfRunId.delete(id)
    return job.runs.filter((run) => run.finishedAt === null).map(({ id }) => id)
  }

  return {
    jobs,
    orphans,
    /** Those that concern jobs which do not name them, by name. */
    channels,
    projects,
    toldBy(deliveryId: string) {
      const job = [...jobs.values()].find(({ deliveries }) => deliveries.some(({ id }) => id === deliveryId))
      return toldBy(job, deliveryId)
    },
    deliveriesOf: (runId: string): DeliveryRow[] =>
      (jobs.get(jobOfRunId.get(runId) ?? '')?.deliveries ?? [])
        .filter((one) => one.runId === runId)
        .map((one) => ({ ...one, target: nameOfTarget(one.target) })),
    lastOutput: (jobId: string) => lastOutput(jobs.get(jobId)),
    look,
    transition,
    claimReady,
    takeArm,
    recordArm,
    disownArm,
    noteCallback,
    begin,
    renew,
    createJob,
    changeJob,
    deleteJob,
    jobOfRun: (runId: string) => jobOfRunId.get(runId) ?? null,
    jobOfKey: (key: string) => keys.get(key) ?? null,
    owedArms: ({ after, limit }: { after: string; limit: number }) =>
      sortedIds()
        .filter((id) => id > after && isOwed(jobs.get(id)))
        .slice(0, limit),
    overdueJobs({ lateMs, limit }: { lateMs: number; limit: number }, now: Date) {
      const wakeMs = (id: string) => jobs.get(id)?.registry.wakeAt?.getTime() ?? Number.POSITIVE_INFINITY
      return sortedIds()
        .filter((id) => wakeMs(id) <= now.getTime() - lateMs)
        .sort((a, b) => wakeMs(a) - wakeMs(b))
        .slice(0, limit)
    },
    farthestWake(now: Date) {
      const wakeMs = ({ registry: { wakeAt } }: JobRow) => wakeAt?.getTime() ?? Number.NEGATIVE_INFINITY
      const [farthest] = [...jobs.values()]
        .filter(({ registry: { wakeAt } }) => wakeAt !== null)
        .sort((a, b) => wakeMs(b) - wakeMs(a))
      if (!farthest) return null
      const { wakeAt, armedAt, armedGen, wakeGen } = farthest.registry
      return { jobId: farthest.authored.id, wakeAt, armedAt, armedGen, wakeGen, now }
    },
    earliestWake(now: Date) {
      const wakes = [...jobs.values()].flatMap(({ registry: { wakeAt } }) =>
        wakeAt ? [wakeAt.getTime()] : [],
      )
      return { wakeAt: wakes.length > 0 ? new Date(Math.min(...wakes)) : null, now }
    },
    differentArms({ jobIds, fireAtMs, toleranceMs, ...asked }: ListedArms) {
      const listedAt = new Date(asked.listedAt)
      const listed = new Map(jobIds.map((id, n) => [id, fireAtMs[n] ?? Number.NaN]))
      const isDifferent = (id: string) => {
        const { wakeAt, armedAt, armedGen, wakeGen } = (jobs.get(id) as JobRow).registry
        const ms = listed.get(id)
        if (armedGen < wakeGen || (lastAsked.get(id) ?? listedAt) > listedAt) return false
        if (wakeAt === null || ms === undefined) return (wakeAt === null) !== (ms === undefined)
        return armedAt === null || Math.abs(armedAt.getTime() - ms) > toleranceMs
      }
      const ours = sortedIds().filter(isDifferent)
      const others = [...new Set(jobIds)].filter((id) => !jobs.has(id))
      return [...ours, ...others].map((jobId) => ({
        jobId,
        armedGen: jobs.get(jobId)?.registry.armedGen ?? null,
      }))
    },
    orphanIds: () => [...orphans.keys()],
    outstanding: (now: Date) => ({
      now,
      callback: (facts.get('callback_url')?.value as string | undefined) ?? null,
      isOwed: [...jobs.values()].some(isOwed),
      orphans: [...orphans].flatMap(([id, { cancelledAt }]) => (cancelledAt === null ? [id] : [])),
    }),
    orphanSchedule: (jobId: string) => orphans.get(jobId)?.armedSchedule ?? null,
    orphanCancelled(jobId: string, now: Date) {
      const orphan = orphans.get(jobId)
      if (orphan) orphan.cancelledAt = now
    },
    readFact: (name: string) => facts.get(name) ?? null,
    writeFact(name: string, value: unknown, now: Date) {
      facts.set(name, { value: structuredClone(value), updatedAt: now })
    },
    swapFact(name: string, { seen, value }: { seen: unknown; value: unknown }, now: Date): boolean {
      if (!isDeepStrictEqual(facts.get(name)?.value ?? null, seen)) return false
      facts.set(name, { value: structuredClone(value), updatedAt: now })
      return true
    },
    armsOwed: () => [...jobs.values()].filter(isOwed).length,
  }
}

function isReady({ ready, runtime, authored }: JobRow, now: Date): boolean {
  const { readyFrom, readyUntil, readyVersion, readyRev } = ready
  if (!readyFrom || !readyUntil || readyRev !== runtime.rev || readyVersion !== authored.version) return false
  return readyFrom <= now && now < readyUntil
}

function isOwed(job: JobRow | undefined): boolean {
  return job !== undefined && job.registry.armedGen < job.registry.wakeGen
}

function isHeld(run: RunRow, { fence, owner, now }: { fence: number; owner: string; now: Date }): boolean {
  return run.fence === fence && run.owner === owner && run.leaseUntil !== null && run.leaseUntil > now
}

function leaseArm(lease: ArmLease | null, now: Date): Pick<RuntimeRow, 'armLeaseBy' | 'armLeaseUntil'> {
  return { armLeaseBy: lease?.holder ?? null, armLeaseUntil: lease && new Date(now.getTime() + lease.ms) }
}

function orderOf(job: JobRow, { holder }: ArmLease, now: Date): ArmOrder {
  const { wakeGen, wakeAt, recentArms, armedAt, armedSchedule } = job.registry
  const armed = armedAt && { at: armedAt, scheduleId: armedSchedule }
  return { jobId: job.authored.id, holder, gen: wakeGen, wakeAt, recentArms, armed, now }
}

function wantedWakeAt({ wakeTerm, starts, sends }: Decision, now: Date, leaseUntil: Date): Date | null {
  const terms = wakeTerm ? [wakeTerm.getTime()] : []
  if (starts.length > 0) terms.push(leaseUntil.getTime() + leaseMarginMs)
  if (sends.length > 0) terms.push(now.getTime() + deliveryLeaseMs + leaseMarginMs)
  return terms.length > 0 ? new Date(Math.min(...terms)) : null
}

function isSame(a: Date | null, b: Date | null): boolean {
  return a?.getTime() === b?.getTime()
}

type RunWriting = Omit<Writing, 'now'> & { now: Date; leaseUntil: Date }

/** All rows of the job's runs as they are after the write; throws (and changes nothing) where a constraint is broken. */
function writeRuns(
  job: JobRow,
  writes: RunWrite[],
  writing: RunWriting,
): { runs: RunRow[]; inserted: Set<string> } {
  const runs = [...job.runs]
  const inserted = new Set<string>()
  for (const write of writes) {
    if (write.seenFence === null) {
      if (write.slot && runs.some(({ slot }) => isSame(slot, write.slot))) continue
      runs.push(rowOf(write, writing, { ...unmade, claimedAt: writing.now }))
      inserted.add(write.id)
      continue
    }
    const at = job.runs.findIndex(({ id }) => id === write.id)
    const before = job.runs[at]
    if (!before || before.fence !== write.seenFence || before.finishedAt !== null) continue
    runs[at] = {
      ...rowOf(write, writing, before),
      ...pick(onceColumns, before),
      output: writing.output ?? before.output,
    }
  }
  for (const run of runs) checkRun(run)
  return { runs, inserted }
}

/** All deliveries of the job as they are after the write. */
function writeDeliveries(
  job: JobRow,
  writes: DeliveryWrite[],
  { owner, now }: { owner: string; now: Date },
): DeliveryRow[] {
  const rows = [...job.deliveries]
  for (const write of writes) {
    const { id, runId, target, event, state, attempt, dueAt, leased, error, seenAttempt } = write
    const at = rows.findIndex((row) => row.id === id)
    const before = rows[at]
    if (seenAttempt === null ? before !== undefined : before?.attempt !== seenAttempt) continue
    const row: DeliveryRow = {
      ...(before ?? { id, runId, jobId: job.authored.id, target, event, createdAt: now }),
      ...{ state, attempt, dueAt, owner: leased ? owner : null },
      leaseUntil: leased ? new Date(now.getTime() + deliveryLeaseMs) : null,
      // a new row has no error yet
      error: before ? error : null,
      finishedAt: state === 'pending' ? null : now,
    }
    checkDelivery(row)
    if (before) rows[at] = row
    else rows.push(row)
  }
  return rows
}

function readPending({ id, runId, target, event, attempt, dueAt, owner, leaseUntil }: DeliveryRow) {
  return { id, runId, target: nameOfTarget(target), event, attempt, dueAt, owner, leaseUntil }
}

type Kept = Pick<RunRow, 'startedAt' | 'output' | 'claimedAt' | keyof typeof outcomeColumns>

function rowOf(write: RunWrite, { owner, now, leaseUntil, begins }: RunWriting, kept: Kept): RunRow {
  const { leased } = write
  const outcome = Object.entries(pick(outcomeColumns, write)).filter(([, value]) => value !== null)
  return {
    ...pick(plainColumns, write),
    ...pick(outcomeColumns, kept),
    ...Object.fromEntries(outcome),
    error: write.error,
    state: leased && begins ? 'running' : write.state,
    owner: leased ? owner : null,
    leaseUntil: leased ? leaseUntil : null,
    claimedAt: kept.claimedAt,
    startedAt: leased && begins ? now : kept.startedAt,
    finishedAt: write.finished ? now : null,
    output: kept.output,
  }
}

const onceColumns = having(runColumns, 'set', 'once')
const unmade = { ...blankOf(outcomeColumns), startedAt: null, output: null }
