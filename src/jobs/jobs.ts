import type { Authored, Look, Store } from '../../db/index.ts'
import { nothingToFollow, ruleOf, storeSchedule } from '../../db/index.ts'
import { type Chance, realChance } from '../ground/chance.ts'
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
  type Runtime,
  startManual,
  type View,
} from '../decisions/index.ts'
import { AppError, draining } from '../ground/errors.ts'
import type { Runner } from '../run/runner.ts'
import { parseSchedule, readNamedZone } from '../schedule/index.ts'
import { isEarlier, jobNotFound, maxRounds, type Saved, type Transit } from '../run/change.ts'

/**
 * A job as a person asks for it. `schedule` null: only another job's outcome starts it; `timezone` null: the service's
 * own. `policy` is by the names of `Policy`, as JSON, where null is the default; a change touches only the fields that it has.
 */
export type JobInput = Omit<
  Authored,
  'id' | 'schedule' | 'timezone' | 'anchor' | 'version' | 'createdAt' | 'updatedAt'
> & { schedule: string | null; timezone: string | null }

/** The fields of a change. `model`: of a prompt action, which is changed in no other way; any other action has none. */
export type JobPatch = Partial<JobInput> & { model?: string | null }

/** Whether a job is to follow its schedule. `reason` undefined: a pause that there is keeps its own. */
export type Switch = { isOn: true } | { isOn: false; reason: string | null | undefined }

export type { Saved } from '../run/change.ts'

/** @throws AppError FIELD_INVALID: names a secret or a channel that does not exist */
export type CheckReferences = (job: Pick<JobInput, 'action' | 'prompt' | 'deliver'>) => Promise<void>

/** `startedBy`: the API key that asks, which shares its places among all that it starts. */
export type RunWish = { input: unknown; trigger: 'manual' | 'retry'; startedBy: string | null }

/** The operations of clients on jobs. All of them throw AppError: JOB_NOT_FOUND, DATABASE_UNAVAILABLE, and those named below. */
export type Jobs = {
  /**
   * With a key: the same key and body again give the same job (`created` false), however many ask at once. Switched
   * off, it begins paused.
   *
   * @throws AppError SCHEDULE_INVALID, SCHEDULE_IN_PAST, TIMEZONE_UNKNOWN, FIELD_INVALID (its policies contradict each
   * other, or it refers to something that does not exist), AFTER_CYCLE, IDEMPOTENCY_KEY_REUSED
   */
  create(
    input: JobInput,
    key: { key: string; bodyHash: string } | null,
    wish?: Switch | null,
  ): Promise<Saved & { created: boolean }>
  /**
   * Nothing is changed if `wish` cannot be carried out.
   *
   * @throws AppError VERSION_CONFLICT: `ifMatch` is not the job's version; JOB_STATE_CONFLICT as `resume`; and what
   * `create` throws of schedules
   */
  change(id: string, patch: JobPatch, ifMatch: number | null, wish?: Switch | null): Promise<Saved>
  /** `until`: when the pause ends by itself. @throws AppError JOB_STATE_CONFLICT */
  pause(id: string, wish: { reason: string | null; until: Date | null }): Promise<Saved>
  /** @throws AppError JOB_STATE_CONFLICT: nothing is left to run */
  resume(id: string): Promise<Saved>
  /**
   * A run without a slot, at once: because a client asks, or again (`retry`). A paused job stays paused.
   *
   * @throws AppError JOB_STATE_CONFLICT
   */
  runNow(id: string, wish: RunWish): Promise<Saved & { runId: string }>
  /**
   * A run of a job that another one's outcome starts, with its id: one, however often this is asked for.
   *
   * @throws AppError ARM_UNCONFIRMED: it is there, and its wake-up is not sure yet; JOB_STATE_CONFLICT, JOB_BUSY
   */
  startAfter(id: string, wish: { runId: string; input: unknown }): Promise<void>
  /** Forgets the job first and cancels its arm after; a live run of it is aborted. @throws AppError JOB_STATE_CONFLICT: others follow it */
  remove(id: string): Promise<void>
  /** @throws AppError RUN_NOT_FOUND, RUN_STATE_CONFLICT: it has finished */
  cancelRun(runId: string): Promise<void>
}

type Parts = {
  store: Store
  transit: Transit['transit']
  makeSure: Transit['makeSure']
  lookAt: Transit['lookAt']
  checkReferences: CheckReferences
  runner: () => Runner
  owner: string
  timezone: string
  isDraining: () => boolean
  chance?: Chance | undefined
  cancelOrphan: (jobId: string) => Promise<unknown>
}

export function createJobs(parts: Parts): Jobs {
  const { store, transit, makeSure, lookAt, checkReferences, owner, chance = realChance } = parts

  async function create(
    input: JobInput,
    key: { key: string; bodyHash: string } | null,
    wish: Switch | null = null,
  ) {
    const replayed = key && (await replay(key))
    if (replayed) return { ...replayed, created: false }
    const now = await store.now()
    const { schedule: given, timezone: named, ...rest } = input
    const { text, zone } = readNamedZone(given, { named, usual: parts.timezone })
    const schedule = storedSchedule(text, input.after, { now, zone })
    await checkReferences(input)
    if (input.after) await checkAhead(input.after.job)
    const id = chance.jobId()
    const policy = mergedPolicy({}, input.policy)
    const job = { ...rest, policy, id, timezone: zone, anchor: now, schedule }
    const rule = ruleOf({ ...job, version: 1, createdAt: now, updatedAt: now })
    const fresh = begin(rule, now)
    if (!fresh.nextSlot && text !== null) throw noSlotLeft(text)
    const isOff = wish !== null && !wish.isOn
    const runtime: Runtime = isOff
      ? { ...fresh, state: 'paused', pausedAt: now, pausedReason: wish.reason ?? null }
      : fresh
    const wakeAt = isOff || !fresh.nextSlot ? null : new Date(fresh.nextSlot.getTime() + jitterMs(rule))
    const made = await store.createJob({ ...job, runtime, wakeAt }, key)
    if (!made && key) return { ...((await replay(key)) as Saved), created: false }
    return { ...(await makeSure(id, { needed: true })), created: true }
  }

  /** @throws AppError FIELD_INVALID: there is no such job to follow */
  async function checkAhead(jobId: string) {
    if (!(await store.look(jobId))) throw nothingToFollow(jobId)
  }

  async function replay({ key, bodyHash }: { key: string; bodyHash: string }): Promise<Saved | null> {
    const known = await store.jobOfKey(key)
    if (!known) return null
    if (known.bodyHash !== bodyHash) {
      throw new AppError(
        'IDEMPOTENCY_KEY_REUSED',
        'This Idempotency-Key was used with a different body. Send the same body, or use a new key.',
      )
    }
    return makeSure(known.jobId, { needed: true })
  }

  async function change(
    id: string,
    patch: JobPatch,
    ifMatch: number | null,
    wish: Switch | null = null,
  ): Promise<Saved> {
    const saved = await changeAuthored(id, patch, ifMatch, wish)
    return wish ? transit(id, ({ view }) => switched(view, wish)) : saved
  }

  async function changeAuthored(
    id: string,
    patch: JobPatch,
    ifMatch: number | null,
    wish: Switch | null,
  ): Promise<Saved> {
    for (let round = 0; round < maxRounds; round++) {
      const look = await lookAt(id)
      const { authored, view } = look
      if (ifMatch !== null && ifMatch !== authored.version) {
        throw new AppError(
          'VERSION_CONFLICT',
          `If-Match names version ${ifMatch}; the job is at version ${authored.version}. Read it again.`,
        )
      }
      if (Object.keys(patch).length === 0) return { look, armed: true }
      const next = applyPatch(authored, patch, view.now)
      if (touchesOutside(patch)) await checkReferences(next)
      if (next.after && next.after.job !== authored.after?.job) await checkAhead(next.after.job)
      const decision = decideChange(look, next)
      // only to refuse before anything is written what would be refused after it
      if (wish) switched({ ...view, job: ruleOf(next), runtime: decision?.runtime ?? view.runtime }, wish)
      const writing = { owner, leaseMs: 0, begins: false, armSpent: false, armLease: null, output: null }
      if (await store.changeJob(next, view, decision, writing))
        return makeSure(id, { needed: isEarlier(look, decision) })
    }
    throw new AppError(
      'VERSION_CONFLICT',
      `The job changed ${maxRounds} times while this change was being saved. Retry the request.`,
    )
  }

  function applyPatch(authored: Authored, patch: JobPatch, now: Date): Authored {
    const { schedule: given, timezone, policy, model, ...others } = patch
    const rest = {
      ...others,
      ...(policy && { policy: mergedPolicy(authored.policy, policy) }),
      ...(model !== undefined && { action: withModel(others.action ?? authored.action, model) }),
    }
    const after = patch.after === undefined ? authored.after : patch.after
    const before = authored.schedule.kind === 'after' ? null : authored.schedule.text
    const { text, zone } = readNamedZone(
      given === undefined ? before : given,
      timezone === undefined ? zoneOf(authored) : { named: timezone, usual: parts.timezone },
    )
    const isSameText = given === undefined && text !== null
    if (isSameText && zone === authored.timezone) return { ...authored, ...rest }
    // a one-shot keeps its instant in another zone; everything else is read again
    if (isSameText && authored.schedule.kind === 'once') return { ...authored, ...rest, timezone: zone }
    const schedule = storedSchedule(text, after, { now, zone })
    const next = { ...authored, ...rest, timezone: zone, schedule }
    return isSameRule(authored, next) ? next : { ...next, anchor: now }
  }

  /** The service's own zone may be one that no client asked for. */
  function zoneOf({ timezone }: Authored) {
    return { named: timezone === parts.timezone ? null : timezone, usual: timezone }
  }

  async function runNow(id: string, { input, trigger, startedBy }: RunWish) {
    if (parts.isDraining()) throw draining('call')
    const runId = chance.uuid()
    const wish = { runId, trigger, input }
    const saved = await transit(
      id,
      ({ view }) => (view.live.some((run) => run.id === runId) ? null : startManual(view, wish)),
      { startedBy },
    )
    return { ...saved, runId }
  }

  async function startAfter(id: string, { runId, input }: { runId: string; input: unknown }) {
    const wish = { runId, trigger: 'after' as const, input }
    // who made it before may have died before its wake-up was armed
    const { armed } = (await store.jobOfRun(runId))
      ? await makeSure(id, { needed: true })
      : await transit(id, ({ view }) =>
          view.live.some((run) => run.id === runId) ? null : startManual(view, wish),
        )
    if (armed) return
    throw new AppError(
      'ARM_UNCONFIRMED',
      `Run ${runId} of job ${id} was created, but its wake-up could not be armed. Retry the request.`,
    )
  }

  async function remove(id: string): Promise<void> {
    const live = await store.deleteJob(id)
    if (!live) throw jobNotFound(id)
    for (const runId of live) parts.runner().stop(runId, 'CANCELLED')
    await parts.cancelOrphan(id)
  }

  async function cancel(runId: string): Promise<void> {
    const jobId = await store.jobOfRun(runId)
    if (!jobId) throw new AppError('RUN_NOT_FOUND', `No run with id ${runId}`)
    await transit(jobId, ({ view }) => {
      const decision = cancelRun(view, runId, 'cancelled by request')
      if (!decision) throw new AppError('RUN_STATE_CONFLICT', `Run ${runId} has already finished.`)
      return decision
    })
  }

  return {
    create,
    change,
    runNow,
    startAfter,
    remove,
    cancelRun: cancel,
    pause: (id, wish) => transit(id, ({ view }) => pause(view, wish)),
    resume: (id) => transit(id, ({ view }) => resume(view)),
  }
}

/** Null where the job is so already. @throws AppError JOB_STATE_CONFLICT: nothing is left to run */
function switched(view: View, wish: Switch): Decision | null {
  if (wish.isOn) return resume(view)
  const { state, resumeAt } = view.runtime
  if (state === 'completed' || (state === 'paused' && wish.reason === undefined)) return null
  return pause(view, { reason: wish.reason ?? null, until: state === 'paused' ? resumeAt : null })
}

/** Null: the model of the service. */
function withModel(action: JobInput['action'], model: string | null): JobInput['action'] {
  if (action.type !== 'prompt') return action
  const { model: _, ...rest } = action
  return model === null ? rest : { ...rest, model }
}

/** A job that was saved before a rule was made can still be renamed or paused. */
function touchesOutside({ action, prompt, deliver }: Partial<JobInput>): boolean {
  return action !== undefined || prompt !== undefined || deliver !== undefined
}

/** @throws AppError FIELD_INVALID: its bounds leave no instant between them */
function mergedPolicy(stored: Record<string, unknown>, given: Record<string, unknown>) {
  const merged = Object.entries({ ...stored, ...given }).filter(([, value]) => value !== null)
  const policy = Object.fromEntries(merged)
  const { startsAt, endsAt } = policyFrom(policy)
  if (!startsAt || !endsAt || startsAt <= endsAt) return policy
  const message = `ends_at: must not be before starts_at (${startsAt.toISOString()}), but is ${endsAt.toISOString()}`
  throw new AppError('FIELD_INVALID', message, { extra: { errors: [{ path: 'ends_at', message }] } })
}

/** @throws AppError FIELD_INVALID: neither a schedule nor a job to follow */
function storedSchedule(
  text: string | null,
  after: JobInput['after'],
  at: { now: Date; zone: string },
): Authored['schedule'] {
  if (text !== null) return storeSchedule(parseSchedule(text, at), text)
  if (after) return storeSchedule({ kind: 'after', display: `after job ${after.job}` }, '')
  const message = 'schedule: required unless `after` names a job to follow'
  throw new AppError('FIELD_INVALID', message, { extra: { errors: [{ path: 'schedule', message }] } })
}

function noSlotLeft(text: string): AppError {
  const message = `The schedule "${text}" has no slot left between now, starts_at and ends_at.`
  return new AppError('SCHEDULE_IN_PAST', message)
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
  if (schedule.kind === 'after') return 'after'
  return schedule.kind === 'interval' ? `every ${schedule.every_ms}` : `once ${Date.parse(schedule.run_at)}`
}
