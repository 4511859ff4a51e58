import { type Authored, type Look, ruleOf, type Store } from '../../db/index.ts'
import { type Decision, pause, recount, reschedule, resume, type View } from '../decisions/index.ts'
import { AppError } from '../ground/errors.ts'
import { type Changes, isEarlier, maxRounds, type Saved } from '../run/change.ts'
import { readNamedZone } from '../schedule/index.ts'
import {
  type CheckReferences,
  type JobInput,
  type JobPatch,
  mergedPolicy,
  storedSchedule,
  type Switch,
} from './input.ts'

type EditNeeds = {
  store: Pick<Store, 'changeJob'>
  changes: Changes
  checkReferences: CheckReferences
  /** @throws AppError FIELD_INVALID: the project has no such job to follow */
  checkAhead: (jobId: string, project: string) => Promise<void>
  owner: string
  /** Zone of jobs that name none. */
  timezone: string
}

/** A client's change of the definition of a job: written only if the job is still the one that was looked at. */
export function createEdit(needs: EditNeeds) {
  const { store, changes, checkReferences, checkAhead, owner, timezone } = needs
  const applyPatch = patching(timezone)

  async function edit(
    id: string,
    patch: JobPatch,
    ifMatch: number | null,
    wish: Switch | null,
  ): Promise<Saved> {
    for (let round = 0; round < maxRounds; round++) {
      const look = await changes.lookAt(id)
      const { authored, view } = look
      if (ifMatch !== null && ifMatch !== authored.version) {
        throw new AppError(
          'VERSION_CONFLICT',
          `If-Match names version ${ifMatch}; the job is at version ${authored.version}. Read it again.`,
        )
      }
      if (Object.keys(patch).length === 0) return { look, armed: true }
      const next = await applyPatch(authored, patch, view.now)
      if (touchesOutside(patch)) await checkReferences(next, next.project)
      if (next.after && next.after.job !== authored.after?.job) await checkAhead(next.after.job, next.project)
      const decision = decideChange(look, next)
      // only to refuse before anything is written what would be refused after it
      if (wish) switched({ ...view, job: ruleOf(next), runtime: decision?.runtime ?? view.runtime }, wish)
      if (await store.changeJob(next, view, decision, editing(owner)))
        return { ...(await changes.makeSure(id, { needed: isEarlier(look, decision) })), before: look }
    }
    throw new AppError(
      'VERSION_CONFLICT',
      `The job changed ${maxRounds} times while this change was being saved. Retry the request.`,
    )
  }

  return edit
}

/** A change begins nothing, and holds nothing. */
export function editing(owner: string) {
  return { owner, leaseMs: 0, begins: false, armSpent: false, armLease: null, output: null }
}

/** What a change makes of a job. `usualZone`: of jobs that name none. @throws AppError what `Jobs.create` throws of schedules */
export function patching(usualZone: string) {
  async function applyPatch(authored: Authored, patch: JobPatch, now: Date): Promise<Authored> {
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
      timezone === undefined ? zoneOf(authored) : { named: timezone, usual: usualZone },
    )
    // steps and intervals count from when they were first read: the same text again does not begin them again
    const isSameText =
      text !== null && (given === undefined || (text === before && authored.schedule.kind !== 'once'))
    if (isSameText && zone === authored.timezone) return { ...authored, ...rest }
    // a one-shot keeps its instant in another zone; everything else is read again
    if (isSameText && authored.schedule.kind === 'once') return { ...authored, ...rest, timezone: zone }
    const schedule = await storedSchedule(text, after, { now, zone, id: authored.id })
    const next = { ...authored, ...rest, timezone: zone, schedule }
    return isSameRule(authored, next) ? next : { ...next, anchor: now }
  }

  /** The service's own zone may be one that no client asked for. */
  function zoneOf({ timezone }: Authored) {
    return { named: timezone === usualZone ? null : timezone, usual: timezone }
  }

  return applyPatch
}

/** Null where the job is so already. @throws AppError JOB_STATE_CONFLICT: nothing is left to run */
export function switched(view: View, wish: Switch): Decision | null {
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
export function touchesOutside({ action, prompt, deliver }: Partial<JobInput>): boolean {
  return action !== undefined || prompt !== undefined || deliver !== undefined
}

export function decideChange({ authored, view }: Look, next: Authored): Decision | null {
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
  if (schedule.kind === 'after') return 'after'
  if (schedule.kind === 'interval') return `every ${schedule.every_ms} ${schedule.from ?? ''}`
  if (schedule.kind === 'once') return `once ${Date.parse(schedule.run_at)}`
  return `${schedule.expr} ${timezone}`
}
