import { type NewJob, nothingToFollow, type Store } from '../../db/index.ts'
import { cancelRun, pause, resume, startManual } from '../decisions/index.ts'
import { type Chance, realChance } from '../ground/chance.ts'
import { AppError, draining } from '../ground/errors.ts'
import { notFound } from '../ground/not-found.ts'
import type { Changes, Saved } from '../run/change.ts'
import type { Leases } from '../run/leases.ts'
import { draftJob } from './draft.ts'
import { createEdit, switched } from './edit.ts'
import type { CheckReferences, JobInput, JobPatch, Switch } from './input.ts'

/** `startedBy`: the API key that asks, which shares its places among all that it starts. */
export type RunWish = { input: unknown; trigger: 'manual' | 'retry'; startedBy: string | null }

/** The operations of clients on jobs. All of them throw AppError: JOB_NOT_FOUND, DATABASE_UNAVAILABLE, and those named below. */
export type Jobs = {
  /** What `create` would make, after all of its checks; nothing is written. @throws AppError as `create`, but for its keys */
  draft(input: JobInput, wish: Switch | null, project: string): Promise<Omit<NewJob, 'now'>>
  /**
   * With a key: the same key and body again give the same job (`created` false), however many ask at once. Switched
   * off, it begins paused.
   *
   * @throws AppError SCHEDULE_INVALID, SCHEDULE_IN_PAST, TIMEZONE_UNKNOWN, FIELD_INVALID (its policies contradict each
   * other, or it refers to something that does not exist), AFTER_CYCLE, KEY_TAKEN, IDEMPOTENCY_KEY_REUSED
   */
  create(
    input: JobInput,
    key: { key: string; bodyHash: string } | null,
    wish: Switch | null,
    project: string,
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
  /** Forgets the job first and cancels its arm after; a live run of it is aborted. @throws AppError JOB_STATE_CONFLICT: others follow it */
  remove(id: string): Promise<void>
  /** @throws AppError RUN_NOT_FOUND, RUN_STATE_CONFLICT: it has finished */
  cancelRun(runId: string): Promise<void>
}

type JobsNeeds = {
  store: Store
  changes: Changes
  checkReferences: CheckReferences
  leases: Pick<Leases, 'stop'>
  owner: string
  timezone: string
  isDraining: () => boolean
  chance?: Chance | undefined
  cancelOrphan: (jobId: string) => Promise<unknown>
}

export function createJobs(needs: JobsNeeds): Jobs {
  const { store, changes, checkReferences, leases, owner, timezone, chance = realChance } = needs
  const edit = createEdit({ store, changes, checkReferences, checkAhead, owner, timezone })

  async function create(
    input: JobInput,
    key: { key: string; bodyHash: string } | null,
    wish: Switch | null,
    project: string,
  ) {
    const replayed = key && (await replay(key))
    if (replayed) return { ...replayed, created: false }
    const job = await draft(input, wish, project)
    const made = await store.createJob(job, key)
    if (!made && key) return { ...((await replay(key)) as Saved), created: false }
    return { ...(await changes.makeSure(job.id, { needed: true })), created: true }
  }

  async function draft(input: JobInput, wish: Switch | null, project: string) {
    const now = await store.now()
    const job = await draftJob(input, { id: chance.jobId(), project, now, timezone, wish })
    await checkReferences(input, project)
    if (input.after) await checkAhead(input.after.job, project)
    return job
  }

  /** @throws AppError FIELD_INVALID: the project has no such job to follow */
  async function checkAhead(jobId: string, project: string) {
    if ((await store.look(jobId))?.authored.project !== project) throw nothingToFollow(jobId)
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
    return changes.makeSure(known.jobId, { needed: true })
  }

  async function change(
    id: string,
    patch: JobPatch,
    ifMatch: number | null,
    wish: Switch | null = null,
  ): Promise<Saved> {
    const saved = await edit(id, patch, ifMatch, wish)
    if (!wish) return saved
    const { before } = saved
    const after = await changes.apply(id, ({ view }) => switched(view, wish))
    return { ...after, ...(before && { before }) }
  }

  async function runNow(id: string, { input, trigger, startedBy }: RunWish) {
    if (needs.isDraining()) throw draining('call')
    const runId = chance.uuid()
    const wish = { runId, trigger, input }
    const saved = await changes.apply(
      id,
      ({ view }) => (view.live.some((run) => run.id === runId) ? null : startManual(view, wish)),
      { startedBy },
    )
    return { ...saved, runId }
  }

  async function remove(id: string): Promise<void> {
    const live = await store.deleteJob(id)
    if (!live) throw notFound('job', id)
    for (const runId of live) leases.stop(runId, 'CANCELLED')
    await needs.cancelOrphan(id)
  }

  async function cancel(runId: string): Promise<void> {
    const jobId = await store.jobOfRun(runId)
    if (!jobId) throw notFound('run', runId)
    await changes.apply(jobId, ({ view }) => {
      const decision = cancelRun(view, runId, 'cancelled by request')
      if (!decision) throw new AppError('RUN_STATE_CONFLICT', `Run ${runId} has already finished.`)
      return decision
    })
  }

  return {
    draft,
    create,
    change,
    runNow,
    remove,
    cancelRun: cancel,
    pause: (id, wish) => changes.apply(id, ({ view }) => pause(view, wish)),
    resume: (id) => changes.apply(id, ({ view }) => resume(view)),
  }
}
