import type { ArmOrder, Authored, Look, Store } from '../db/index.ts'
import { ruleOf, storeSchedule } from '../db/index.ts'
import type { ArmState } from './arm.ts'
import type { Admit } from './attend.ts'
import { type Chance, realChance } from './chance.ts'
import {
  begin,
  cancelRun,
  type Decision,
  jitterMs,
  pause,
  policyFrom,
  recount,
  reschedule,
  resume,
  startManual,
} from './decisions/index.ts'
import { AppError } from './errors.ts'
import type { Runner } from './runner.ts'
import { checkZone, parseSchedule } from './schedule/index.ts'
import type { JobChange } from './schedulers/index.ts'

/** A job as a person asks for it. `timezone` null: the service's own. */
export type JobInput = {
  name: string
  schedule: string
  timezone: string | null
  action: { type: string; [field: string]: unknown }
  prompt: string | null
  skills: string[]
  deliver: unknown
  repeatTimes: number | null
  tags: string[]
  /** By the names of `Policy`, as JSON; null: the default. In a change, only what is given changes. */
  policy: Record<string, unknown>
}

/** The job after the change. `armed` false: its wake-up moved to earlier and NAS has not confirmed that yet. */
export type Saved = { look: Look; armed: boolean }

/** What a client may do to jobs. All of it throws AppError: JOB_NOT_FOUND, DATABASE_UNAVAILABLE, and what is named. */
export type Jobs = {
  /**
   * With a key: the same key and body again give the same job (`created` false), however many ask at once.
   *
   * @throws AppError SCHEDULE_INVALID, SCHEDULE_IN_PAST, TIMEZONE_UNKNOWN, FIELD_INVALID (its policies contradict each
   * other), IDEMPOTENCY_KEY_REUSED
   */
  create(
    input: JobInput,
    key: { key: string; bodyHash: string } | null,
  ): Promise<Saved & { created: boolean }>
  /** @throws AppError VERSION_CONFLICT: `ifMatch` is not the job's version; and what `create` throws of schedules */
  change(id: string, patch: Partial<JobInput>, ifMatch: number | null): Promise<Saved>
  /** `until`: when the pause ends by itself. @throws AppError JOB_STATE_CONFLICT */
  pause(id: string, wish: { reason: string | null; until: Date | null }): Promise<Saved>
  /** @throws AppError JOB_STATE_CONFLICT: nothing is left to run */
  resume(id: string): Promise<Saved>
  /** A run without a slot, at once: because somebody asks, or once more (`retry`). @throws AppError JOB_STATE_CONFLICT */
  runNow(id: string, input: unknown, trigger?: 'manual' | 'retry'): Promise<Saved & { runId: string }>
  /** Forgets the job first and cancels its arm after; a live run of it is aborted. */
  remove(id: string): Promise<void>
  /** @throws AppError RUN_NOT_FOUND, RUN_STATE_CONFLICT: it has finished */
  cancelRun(runId: string): Promise<void>
}

type Parts = {
  store: Store
  admit: Admit
  runner: () => Runner
  owner: string
  timezone: string
  isDraining: () => boolean
  chance?: Chance | undefined
  ensureArmed: (change: JobChange, budgetMs: number) => Promise<ArmState>
  cancelOrphan: (jobId: string) => Promise<unknown>
}

/** How long a client waits for NAS: where its change needs the arm, and where it does not. */
const neededMs = 10_000
const leisureMs = 2_000
const maxRounds = 20

export function createJobs(parts: Parts): Jobs {
  const { store, admit, owner, chance = realChance } = parts

  async function create(input: JobInput, key: { key: string; bodyHash: string } | null) {
    const replayed = key && (await replay(key))
    if (replayed) return { ...replayed, created: false }
    const now = await store.now()
    const zone = checkZone(input.timezone ?? parts.timezone)
    const schedule = parseSchedule(input.schedule, { now, zone })
    const { schedule: text, timezone: _, ...rest } = input
    const id = chance.jobId()
    const policy = mergedPolicy({}, input.policy)
    const job = { ...rest, policy, id, timezone: zone, anchor: now, schedule: storeSchedule(schedule, text) }
    const rule = ruleOf({ ...job, version: 1, createdAt: now, updatedAt: now })
    const runtime = begin(rule, now)
    if (!runtime.nextSlot) throw noSlotLeft(text)
    const wakeAt = runtime.nextSlot && new Date(runtime.nextSlot.getTime() + jitterMs(rule))
    const made = await store.createJob({ ...job, runtime, wakeAt }, key)
    if (!made && key) return { ...((await replay(key)) as Saved), created: false }
    return { ...(await makeSure(id, { needed: true })), created: true }
  }

  async function replay({ key, bodyHash }: { key: string; bodyHash: string }): Promise<Saved | null> {
    const known = await store.jobOfKey(key)
    if (!known) return null
    if (known.bodyHash !== bodyHash) {
      throw new AppError(
        'IDEMPOTENCY_KEY_REUSED',
        'this Idempotency-Key came with another body before; expected the same body, or a new key',
      )
    }
    return makeSure(known.jobId, { needed: true })
  }

  async function change(id: string, patch: Partial<JobInput>, ifMatch: number | null): Promise<Saved> {
    for (let round = 0; round < maxRounds; round++) {
      const look = await lookAt(id)
      const { authored, view } = look
      if (ifMatch !== null && ifMatch !== authored.version) {
        throw new AppError(
          'VERSION_CONFLICT',
          `version ${ifMatch} was given; the job is at version ${authored.version}`,
        )
      }
      const next = applyPatch(authored, patch, view.now)
      const decision = decideChange(look, next)
      const writing = { owner, leaseMs: 0, begins: false, armSpent: false, armLease: null, output: null }
      if (await store.changeJob(next, view, decision, writing))
        return makeSure(id, { needed: isEarlier(look, decision) })
    }
    throw new AppError(
      'VERSION_CONFLICT',
      `the job changed ${maxRounds} times while this change was written; expected a quieter moment`,
    )
  }

  function applyPatch(authored: Authored, patch: Partial<JobInput>, now: Date): Authored {
    const { schedule: text, timezone, policy, ...others } = patch
    const rest = policy ? { ...others, policy: mergedPolicy(authored.policy, policy) } : others
    const zone = timezone === undefined ? authored.timezone : checkZone(timezone ?? parts.timezone)
    if (text === undefined && zone === authored.timezone) return { ...authored, ...rest }
    // a one-shot keeps its instant in another zone; everything else is read again
    if (text === undefined && authored.schedule.kind === 'once')
      return { ...authored, ...rest, timezone: zone }
    const schedule = storeSchedule(
      parseSchedule(text ?? authored.schedule.text, { now, zone }),
      text ?? authored.schedule.text,
    )
    const next = { ...authored, ...rest, timezone: zone, schedule }
    return isSameRule(authored, next) ? next : { ...next, anchor: now }
  }

  async function transit(id: string, decide: (look: Look) => Decision | null): Promise<Saved> {
    for (let round = 0; round < maxRounds; round++) {
      const look = await lookAt(id)
      const decision = decide(look)
      if (!decision) return makeSure(id, { needed: true })
      const written = await admit(look, decision)
      // the arm lease came with the write: whoever drops the order keeps everybody from arming until it ends
      if (written) return makeSure(id, { needed: isEarlier(look, decision), order: written.order })
    }
    throw new AppError(
      'JOB_STATE_CONFLICT',
      `the job changed ${maxRounds} times meanwhile; expected a quieter moment`,
    )
  }

  async function runNow(id: string, input: unknown, trigger: 'manual' | 'retry' = 'manual') {
    if (parts.isDraining()) {
      throw new AppError('DRAINING', 'The process is going down; expected the call to be sent again', {
        retryAfterS: 5,
      })
    }
    const runId = chance.uuid()
    const wish = { runId, trigger, input }
    const saved = await transit(id, ({ view }) =>
      view.live.some((run) => run.id === runId) ? null : startManual(view, wish),
    )
    return { ...saved, runId }
  }

  async function remove(id: string): Promise<void> {
    const live = await store.deleteJob(id)
    if (!live) throw notFound(id)
    for (const runId of live) parts.runner().stop(runId, 'CANCELLED')
    await parts.cancelOrphan(id)
  }

  async function cancel(runId: string): Promise<void> {
    const jobId = await store.jobOfRun(runId)
    if (!jobId) throw new AppError('RUN_NOT_FOUND', `run ${runId} was given; there is none with this id`)
    await transit(jobId, ({ view }) => {
      const decision = cancelRun(view, runId, 'cancelled by request')
      if (!decision)
        throw new AppError(
          'RUN_STATE_CONFLICT',
          `run ${runId} has finished; expected one that is claimed or running`,
        )
      return decision
    })
  }

  /** Makes the wake-up sure and reads the job again, so that what is answered is what is so. */
  async function makeSure(
    id: string,
    { needed, order = null }: { needed: boolean; order?: ArmOrder | null },
  ): Promise<Saved> {
    const state = await parts.ensureArmed({ jobId: id, order }, needed ? neededMs : leisureMs)
    return { look: await lookAt(id), armed: state !== 'owed' || !needed }
  }

  async function lookAt(id: string): Promise<Look> {
    const look = await store.look(id)
    if (!look) throw notFound(id)
    return look
  }

  return {
    create,
    change,
    runNow,
    remove,
    cancelRun: cancel,
    pause: (id, wish) => transit(id, ({ view }) => pause(view, wish)),
    resume: (id) => transit(id, ({ view }) => resume(view)),
  }
}

/** @throws AppError FIELD_INVALID: its bounds leave no instant between them */
function mergedPolicy(stored: Record<string, unknown>, given: Record<string, unknown>) {
  const merged = Object.entries({ ...stored, ...given }).filter(([, value]) => value !== null)
  const policy = Object.fromEntries(merged)
  const { startsAt, endsAt } = policyFrom(policy)
  if (!startsAt || !endsAt || startsAt <= endsAt) return policy
  const message = `ends_at: ${endsAt.toISOString()} was given; expected an instant not before starts_at, which is ${startsAt.toISOString()}`
  throw new AppError('FIELD_INVALID', message, { extra: { errors: [{ path: 'ends_at', message }] } })
}

function noSlotLeft(text: string): AppError {
  const given = `"${text}" names no instant from now on between starts_at and ends_at`
  return new AppError('SCHEDULE_IN_PAST', `${given}; expected at least one`)
}

function decideChange({ authored, view }: Look, next: Authored): Decision | null {
  const nextView = { ...view, job: ruleOf(next) }
  if (!isSameRule(authored, next)) return reschedule(nextView, view.job)
  const isCounted = authored.repeatTimes !== next.repeatTimes || authored.policy !== next.policy
  return isCounted ? recount(nextView, view.job) : null
}

/** Whether both name the same instants: the text may differ. */
function isSameRule(a: Authored, b: Authored): boolean {
  return instantsOf(a) === instantsOf(b)
}

function instantsOf({ schedule, timezone }: Authored): string {
  if (schedule.kind === 'cron') return `${schedule.expr} ${timezone}`
  return schedule.kind === 'interval' ? `every ${schedule.every_ms}` : `once ${Date.parse(schedule.run_at)}`
}

/** An earlier wake-up has to be armed before it is promised; a later one can wait. Leases begin now, so they are earlier. */
function isEarlier({ registry }: Look, decision: Decision | null): boolean {
  if (!decision) return registry.armedGen < registry.wakeGen
  if (decision.starts.length > 0) return true
  const { wakeTerm } = decision
  return wakeTerm !== null && (registry.wakeAt === null || wakeTerm < registry.wakeAt)
}

function notFound(id: string): AppError {
  return new AppError('JOB_NOT_FOUND', `job ${id} was given; there is none with this id`)
}
