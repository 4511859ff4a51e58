import { type Batch, type DeclaredStore, type KeptJob, type Look, ruleOf } from '../../db/index.ts'
import type { JobRule } from '../decisions/index.ts'
import { createBreath } from '../ground/breath.ts'
import { type Chance, realChance } from '../ground/chance.ts'
import type { Delays } from '../ground/delays.ts'
import { AppError, fieldRefused } from '../ground/errors.ts'
import { createFaults } from './faults.ts'
import { isEarlier } from '../run/change.ts'
import type { Leases } from '../run/leases.ts'
import { armAll, type ArmingOfFile, type Work } from './declared-arms.ts'
import type { ChannelsOfFile } from './declared-channels.ts'
import { draftJob } from './draft.ts'
import { decideChange, editing, patching, switched, touchesOutside } from './edit.ts'
import type { JobInput, ReferencesOf } from './input.ts'
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
   * job changes meanwhile, it is planned again.
   * `owed`: keys of jobs whose wake-up has moved to earlier and is not confirmed yet. `ids`: of all jobs of the file, by key.
   *
   * @throws AppError PLAN_STALE: the plan is another one now; OWNER_CONFLICT, AFTER_CYCLE, JOB_STATE_CONFLICT
   */
  apply(file: DeclaredFile, describe: Described, agreement: Agreement): Promise<Applied>
  /** The id of the job with this key; null: there is none. */
  byKey(key: string): Promise<string | null>
  /** Jobs that have a key (`owner` not null: and this owner), by key, and how many have none; and the channels. */
  kept(wish: { owner: string | null; limit: number }): Promise<Kept>
}

type Kept = { jobs: KeptJob[]; unkeyed: number; channels: Awaited<ReturnType<ChannelsOfFile['kept']>> }

/** `hash`: of the plan that was agreed to; null: whatever the plan is now. `agree` throws if it may not be carried out. */
export type Agreement = { hash: string | null; agree: (plan: Plan) => void }

export type Applied = { plan: Plan; owed: string[]; ids: Map<string, string> }

type DeclaredNeeds = {
  store: DeclaredStore
  arming: ArmingOfFile
  leases: Pick<Leases, 'stop'>
  referencesOf: ReferencesOf
  channels: ChannelsOfFile
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
export function createDeclared(needs: DeclaredNeeds): Declared {
  const { store, arming, leases, referencesOf, owner, project, timezone, delays, chance = realChance } = needs
  const applyPatch = patching(timezone)

  async function look(file: DeclaredFile, describe: Described) {
    const named = file.jobs.flatMap(({ key, job }) => (job.after ? [key, job.after.job] : [key]))
    const tag = file.prunes && file.owner !== null ? ownerTag(file.owner) : null
    const [kept, channels] = await Promise.all([
      store.kept({ keys: [...new Set(named)], tag }),
      needs.channels.plan(file),
    ])
    const plan = await planOf(file, { kept, channels, describe, timezone })
    return { plan, kept, now: await needs.now() }
  }

  /** The ids of jobs by which others are followed: of their keys, and of themselves. @throws AppError FIELD_INVALID, AFTER_CYCLE */
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
    for (const { key, wanted } of plan.jobs) {
      const ahead = wanted?.job.after?.job
      if (ahead !== undefined && ids.get(ahead) === ids.get(key)) throw followsItself(key)
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
    const channels = await needs.channels.batchOf(plan.channels)
    const work: Work = { batch: { ...emptyBatch(owner), channels }, ids, armed: [] }
    const breathe = createBreath()
    const faults = createFaults()
    for (const one of plan.jobs) {
      await breathe()
      const isAdded = await faults.of(one.key, () => add(work, one, { looks, resolved, now }))
      if (isAdded === false) return null
    }
    faults.end()
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
    const referring = plan.jobs.flatMap(({ key, what, kept, wanted }) => {
      if (!wanted || what === 'keep') return []
      const patch = kept ? patchOf(inputOf(kept, timezone), wanted.job) : wanted.job
      return touchesOutside(patch) ? [{ key, job: wanted.job }] : []
    })
    if (referring.length === 0) return
    const made = plan.channels.flatMap(({ name, wanted }) => (wanted ? [name] : []))
    const jobs = referring.map(({ job }) => job)
    const checkOne = await referencesOf(jobs, { project, made })
    for (const { key, job } of referring) {
      await checkOne(job).catch((error: unknown) => {
        throw inFileOr(error, key)
      })
    }
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

  async function apply(
    file: DeclaredFile,
    describe: Described,
    { hash, agree }: Agreement,
  ): Promise<Applied> {
    for (let round = 0; round < maxRounds; round++) {
      const { plan, work } = await planChecked(file, describe)
      if (hash !== null && hash !== plan.hash) throw stale(plan)
      agree(plan)
      const live = work && (await store.write(work.batch))
      if (!work || !live) continue
      for (const runId of live) leases.stop(runId, 'CANCELLED')
      const owed = await armAll(work, { arming, delays })
      return { plan, owed, ids: work.ids }
    }
    throw changing()
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
      const [jobs, unkeyed, channels] = await Promise.all([
        store.keyed({ tag, limit }),
        store.countUnkeyed(),
        needs.channels.kept(whose),
      ])
      return { jobs, unkeyed, channels }
    },
  }
}

function emptyBatch(owner: string): Omit<Batch, 'channels'> {
  return { makes: [], changes: [], switches: [], removes: [], writing: editing(owner) }
}

function nothingToFollow(key: string, ahead: string): AppError {
  return fieldRefused(`jobs.${key}.after.job`, `no job with the key or the id ${JSON.stringify(ahead)}`)
}

function followsItself(key: string): AppError {
  return fieldRefused(`jobs.${key}.after.job`, 'a job cannot follow itself. Name another job.', 'AFTER_CYCLE')
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
