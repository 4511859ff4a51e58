import { type Batch, type DeclaredStore, type KeptJob, type Look, ruleOf } from '../../db/index.ts'
import type { Arming } from '../arming/arming.ts'
import type { JobRule } from '../decisions/index.ts'
import { type Chance, realChance } from '../ground/chance.ts'
import { type Delays, within } from '../ground/delays.ts'
import { AppError, fieldRefused } from '../ground/errors.ts'
import { inParallel } from '../ground/parallel.ts'
import { isEarlier } from '../run/change.ts'
import type { Leases } from '../run/leases.ts'
import { draftJob } from './draft.ts'
import { decideChange, editing, patching, switched, touchesOutside } from './edit.ts'
import type { CheckReferences, JobInput } from './input.ts'
import {
  atJob,
  inFileOr,
  type DeclaredFile,
  type Described,
  inputOf,
  ownerTag,
  patchOf,
  type Plan,
  type Planned,
  planOf,
} from './plan.ts'

/** A file of jobs, carried out as a whole. Both throw AppError what `Jobs.create` and `Jobs.change` throw, with the keys of the jobs. */
export type Declared = {
  /** What `apply` would do now, and the rules of the jobs that it would make or change. @throws AppError as `apply` */
  plan(file: DeclaredFile, describe: Described): Promise<{ plan: Plan; rules: Map<string, JobRule> }>
  /**
   * Makes the jobs as the file says: all of them, or nothing is changed. A job that is so already is not touched. If a
   * job changes meanwhile, it is planned again. `hash`: of the plan that was agreed to; null: whatever the plan is now.
   * `owed`: keys of jobs whose wake-up has moved to earlier and is not confirmed yet. `ids`: of all jobs of the file, by key.
   *
   * @throws AppError PLAN_STALE: the plan is another one now; OWNER_CONFLICT, AFTER_CYCLE, JOB_STATE_CONFLICT
   */
  apply(file: DeclaredFile, describe: Described, hash: string | null): Promise<Applied>
  /** The id of the job with this key; null: there is none. */
  byKey(key: string): Promise<string | null>
  /** Jobs that have a key (`owner` not null: and this owner), by key, and how many have none. */
  kept(wish: { owner: string | null; limit: number }): Promise<{ jobs: KeptJob[]; unkeyed: number }>
}

export type Applied = { plan: Plan; owed: string[]; ids: Map<string, string> }

type DeclaredNeeds = {
  store: DeclaredStore
  arming: Pick<Arming, 'armChanged' | 'cancelOrphan'>
  leases: Pick<Leases, 'stop'>
  checkReferences: CheckReferences
  owner: string
  /** Whose jobs the file has. */
  project: string
  /** Zone of jobs that name none. */
  timezone: string
  now: () => Promise<Date>
  delays: Delays
  chance?: Chance
}

const maxRounds = 20
/** Jobs that are checked, armed or cancelled at a time. */
const atOnce = 16
/** How long a client waits for the timer, whatever the number of jobs. */
const armMs = 10_000
const cancelMs = 2_000

/** A batch, and of each job that it writes: its key, and whether its wake-up is to be confirmed before it is promised. */
type Work = {
  batch: Batch
  ids: Map<string, string>
  armed: { key: string; id: string; isNeeded: boolean }[]
}

export function createDeclared(needs: DeclaredNeeds): Declared {
  const {
    store,
    arming,
    leases,
    checkReferences,
    owner,
    project,
    timezone,
    delays,
    chance = realChance,
  } = needs
  const applyPatch = patching(timezone)

  async function look(file: DeclaredFile, describe: Described) {
    const named = file.jobs.flatMap(({ key, job }) => (job.after ? [key, job.after.job] : [key]))
    const tag = file.prunes && file.owner !== null ? ownerTag(file.owner) : null
    const kept = await store.kept({ keys: [...new Set(named)], tag })
    const plan = planOf(file, { kept, describe, timezone })
    return { plan, kept, now: await needs.now() }
  }

  /** The ids of jobs by which others are followed: of their keys, and of themselves. */
  async function idsOf(plan: Plan, kept: KeptJob[]): Promise<Map<string, string>> {
    const ids = new Map(kept.map(({ authored }) => [authored.key ?? '', authored.id]))
    for (const { key, what } of plan.jobs) if (what === 'make') ids.set(key, chance.jobId())
    const followed = plan.jobs.flatMap(({ key, wanted }) => {
      const ahead = wanted?.job.after?.job
      return ahead === undefined || ids.has(ahead) ? [] : [{ key, ahead }]
    })
    const looks = await store.looks([...new Set(followed.map(({ ahead }) => ahead))])
    for (const { key, ahead } of followed) {
      if (looks.get(ahead)?.authored.project !== project) throw nothingToFollow(key, ahead)
      ids.set(ahead, ahead)
    }
    return ids
  }

  /** Null: a job has changed since it was planned. */
  async function workOf({ plan, kept, now }: Awaited<ReturnType<typeof look>>): Promise<Work | null> {
    const ids = await idsOf(plan, kept)
    const resolved = (job: JobInput) =>
      job.after ? { ...job, after: { ...job.after, job: ids.get(job.after.job) ?? '' } } : job
    const looks = await store.looks(
      plan.jobs.flatMap(({ what, kept: one }) => (what === 'change' && one ? [one.authored.id] : [])),
    )
    const work: Work = { batch: emptyBatch(owner), ids, armed: [] }
    for (const one of plan.jobs) {
      const isAdded = await add(work, one, { looks, resolved, now }).catch((error: unknown) => {
        throw inFileOr(error, one.key)
      })
      if (!isAdded) return null
    }
    return work
  }

  type AddNeeds = { looks: Map<string, Look>; resolved: (job: JobInput) => JobInput; now: Date }

  async function add({ batch, ids, armed }: Work, one: Planned, { looks, resolved, now }: AddNeeds) {
    const { key, what, kept, wanted } = one
    if (what === 'remove' && kept) batch.removes.push(kept.authored)
    if (what === 'make' && wanted) {
      const id = ids.get(key) ?? ''
      batch.makes.push(
        await draftJob(resolved(wanted.job), { id, project, now, timezone, wish: wanted.wish }),
      )
      armed.push({ key, id, isNeeded: true })
    }
    if (what !== 'change' || !kept || !wanted) return true
    const seen = looks.get(kept.authored.id)
    if (seen?.authored.version !== kept.authored.version) return false
    const { id } = seen.authored
    const before = inputOf({ authored: seen.authored, aheadKey: null }, timezone)
    const patch = patchOf(before, resolved(wanted.job))
    const next = await applyPatch(seen.authored, patch, now)
    const isEdited = Object.keys(patch).length > 0
    const decision = isEdited ? decideChange(seen, next) : null
    if (isEdited) batch.changes.push({ next, view: seen.view, decision })
    const { wish } = wanted
    if (wish) batch.switches.push({ id, decide: ({ view }) => atJob(key, () => switched(view, wish)) })
    armed.push({ key, id, isNeeded: wish?.isOn === true || isEarlier(seen, decision) })
    return true
  }

  /** Of what is made and changed: a job that was saved before a rule was made can still be kept. */
  async function check(plan: Plan): Promise<void> {
    await inParallel(plan.jobs, atOnce, async ({ key, what, kept, wanted }) => {
      if (!wanted || what === 'keep' || what === 'remove') return
      const patch = kept ? patchOf(inputOf(kept, timezone), wanted.job) : wanted.job
      if (!touchesOutside(patch)) return
      await checkReferences(wanted.job, project).catch((error: unknown) => {
        throw inFileOr(error, key)
      })
    })
  }

  async function planChecked(file: DeclaredFile, describe: Described) {
    const seen = await look(file, describe)
    await check(seen.plan)
    // what the schedules say is found out as the jobs are drafted
    const work = await workOf(seen)
    return { plan: seen.plan, work }
  }

  async function planOnly(file: DeclaredFile, describe: Described) {
    for (let round = 0; round < maxRounds; round++) {
      const { plan: made, work } = await planChecked(file, describe)
      if (!work) continue
      const { makes, changes } = work.batch
      const rules = [...makes.map((job) => ({ ...job, version: 1 })), ...changes.map(({ next }) => next)]
      return { plan: made, rules: new Map(rules.map((job) => [job.key ?? '', ruleOf(job)])) }
    }
    throw changing()
  }

  async function apply(file: DeclaredFile, describe: Described, hash: string | null): Promise<Applied> {
    for (let round = 0; round < maxRounds; round++) {
      const { plan, work } = await planChecked(file, describe)
      if (hash !== null && hash !== plan.hash) throw stale(plan)
      const live = work && (await store.write(work.batch))
      if (!work || !live) continue
      for (const runId of live) leases.stop(runId, 'CANCELLED')
      const owed = await arm(work)
      return { plan, owed, ids: work.ids }
    }
    throw changing()
  }

  async function arm({ armed, batch: { removes } }: Work): Promise<string[]> {
    const endsAt = delays.now() + armMs
    const owed: string[] = []
    await inParallel(armed, atOnce, async ({ key, id, isNeeded }) => {
      const state = await arming.armChanged(id, { budgetMs: Math.max(0, endsAt - delays.now()) })
      if (state === 'owed' && isNeeded) owed.push(key)
    })
    await inParallel(removes, atOnce, ({ id }) =>
      within(delays, cancelMs, arming.cancelOrphan(id), undefined).then(() => {}),
    )
    return owed.toSorted()
  }

  return {
    plan: planOnly,
    apply,
    async byKey(key) {
      const [job] = await store.kept({ keys: [key], tag: null })
      return job?.authored.id ?? null
    },
    async kept({ owner: whose, limit }) {
      const tag = whose === null ? null : ownerTag(whose)
      const [jobs, unkeyed] = await Promise.all([store.keyed({ tag, limit }), store.countUnkeyed()])
      return { jobs, unkeyed }
    },
  }
}

function emptyBatch(owner: string): Batch {
  return { makes: [], changes: [], switches: [], removes: [], writing: editing(owner) }
}

function nothingToFollow(key: string, ahead: string): AppError {
  return fieldRefused(`jobs.${key}.after.job`, `no job with the key or the id ${JSON.stringify(ahead)}`)
}

function changing(): AppError {
  return new AppError(
    'JOB_STATE_CONFLICT',
    `The jobs changed ${maxRounds} times meanwhile. Retry the request.`,
  )
}

function stale(plan: Plan): AppError {
  return new AppError(
    'PLAN_STALE',
    'Something has changed since this plan was made, and nothing was applied. Make the plan again.',
    { extra: { plan: plan.hash } },
  )
}
