import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { KeptJob } from '../../db/index.ts'
import { createBreath } from '../ground/breath.ts'
import { AppError, fieldRefused } from '../ground/errors.ts'
import { canonicalJson } from '../ground/json.ts'
import { readNamedZone } from '../schedule/index.ts'
import type { DeclaredChannel, PlannedChannel } from './declared-channels.ts'
import { differences, type FieldChange } from './differences.ts'
import type { JobInput, Switch } from './input.ts'

/** A job as a file has it. `job.after.job`: the key of the job to follow, or its id. `wish` null: the file does not say. */
export type DeclaredJob = { key: string; job: JobInput; wish: Switch | null }

/**
 * `owner`: whose jobs and channels these are, as the tag `owner:…` of each job; null: each keeps the owner that it has.
 * `prunes`: jobs and channels of the owner that the file does not have are removed.
 */
export type DeclaredFile = {
  owner: string | null
  prunes: boolean
  channels: DeclaredChannel[]
  jobs: DeclaredJob[]
}

/** How a job is written in a file; two jobs are the same if they are written the same. `isPaused` null: not said. */
export type Described = (job: JobInput, isPaused: boolean | null) => Record<string, unknown>

/** `kept` null: it is to be made. `wanted` null: it is to be removed. */
export type Planned = {
  key: string
  what: 'make' | 'change' | 'remove' | 'keep'
  kept: KeptJob | null
  wanted: DeclaredJob | null
  /** `wanted` as it is described. */
  after: Record<string, unknown>
  fields: FieldChange[]
}

/** `hash`: equal if nothing that matters has changed in between. */
export type Plan = { hash: string; channels: PlannedChannel[]; jobs: Planned[] }

type PlanNeeds = {
  /** The jobs that the file names, or (if it prunes) its owner has. */
  kept: KeptJob[]
  channels: PlannedChannel[]
  describe: Described
  /** Zone of jobs that name none. */
  timezone: string
}

export const ownerTag = (owner: string) => `owner:${owner}`

/** @throws AppError SCHEDULE_INVALID, TIMEZONE_UNKNOWN, OWNER_CONFLICT */
export async function planOf(file: DeclaredFile, needs: PlanNeeds): Promise<Plan> {
  const { kept, channels, describe, timezone } = needs
  const breathe = createBreath()
  const byKey = new Map(kept.map((job) => [job.authored.key, job]))
  const jobs: Planned[] = []
  for (const given of file.jobs) {
    const found = byKey.get(given.key) ?? null
    const wanted = completed(given, found, { owner: file.owner, timezone })
    jobs.push(planned(found, wanted, { describe, timezone }))
    await breathe()
  }
  const names = new Set(file.jobs.map(({ key }) => key))
  const tag = file.owner === null ? null : ownerTag(file.owner)
  const gone = kept.filter(
    ({ authored: { key, tags } }) => tag !== null && !names.has(key ?? '') && tags.includes(tag),
  )
  const removed = file.prunes ? gone.map((job) => planned(job, null, { describe, timezone })) : []
  const all = [...jobs, ...removed]
  return { hash: await hashOf(all, channels), channels, jobs: all }
}

/** The job as it would be stored: its zone out of its schedule's text, and with the tag of its owner. */
function completed(
  { key, job, wish }: DeclaredJob,
  found: KeptJob | null,
  { owner, timezone: usual }: { owner: string | null; timezone: string },
): DeclaredJob {
  const { text, zone } = readNamedZone(job.schedule, { named: job.timezone, usual })
  const others = found?.authored.tags.filter((tag) => tag.startsWith(ownerTag(''))) ?? []
  const tag = owner === null ? others : [ownerTag(owner)]
  const stranger = others.find((one) => !tag.includes(one))
  if (stranger !== undefined) throw ownedBy(key, stranger)
  const tags = [...job.tags.filter((one) => !tag.includes(one)), ...tag]
  const { authored, aheadKey } = found ?? {}
  const isById = job.after !== null && job.after.job === authored?.after?.job
  const after = isById && job.after && aheadKey ? { ...job.after, job: aheadKey } : job.after
  return {
    key,
    wish,
    job: { ...job, key, schedule: text, timezone: zone === usual ? null : zone, tags, after },
  }
}

function ownedBy(key: string, tag: string): AppError {
  const owner = tag.slice(ownerTag('').length)
  const sentence = `the job is of owner ${owner}. Name this owner in the file, or use another key.`
  return fieldRefused(`jobs.${key}`, sentence, 'OWNER_CONFLICT')
}

function planned(
  kept: KeptJob | null,
  wanted: DeclaredJob | null,
  { describe, timezone }: Pick<PlanNeeds, 'describe' | 'timezone'>,
): Planned {
  const key = wanted?.key ?? kept?.authored.key ?? ''
  const isPausedBefore = kept?.runtime.state === 'paused'
  const isPausedAfter = wanted?.wish ? !wanted.wish.isOn : null
  // what the file does not say is no difference
  const before = kept
    ? describe(inputOf(kept, timezone), isPausedAfter === null && wanted ? null : isPausedBefore)
    : {}
  const after = wanted ? describe(wanted.job, isPausedAfter) : {}
  const fields = differences(before, after)
  const what = !kept ? 'make' : !wanted ? 'remove' : fields.length > 0 ? 'change' : 'keep'
  return { key, what, kept, wanted, after, fields }
}

/** A stored job as a person would ask for it. `usual`: the zone that need not be named. */
export function inputOf(
  { authored, aheadKey }: Pick<KeptJob, 'authored' | 'aheadKey'>,
  usual: string,
): JobInput {
  const { id: _, version: _v, createdAt: _c, updatedAt: _u, anchor: _a, ...given } = authored
  const { schedule, timezone, after, ...rest } = given
  return {
    ...rest,
    schedule: schedule.kind === 'after' ? null : schedule.text,
    timezone: timezone === usual ? null : timezone,
    after: after && { ...after, job: aheadKey ?? after.job },
  }
}

/** Everything by which the plan was made: the jobs and channels as they were, at their versions, and as they are to be. */
async function hashOf(jobs: Planned[], channels: PlannedChannel[]): Promise<string> {
  const breathe = createBreath()
  const hash = createHash('sha256')
  for (const { key, what, kept, wanted, after } of jobs) {
    const line = [
      ...[key, what, kept?.authored.id ?? null, kept?.authored.version ?? null],
      wanted && after,
      kept && wanted?.wish ? kept.runtime.state === 'paused' : null,
    ]
    hash.update(`${canonicalJson(line)}\n`)
    await breathe()
  }
  hash.update(canonicalJson(channels))
  return hash.digest('hex').slice(0, 32)
}

/** The fields of a change; a policy that the file leaves out is null, which is its default. */
export function patchOf(before: JobInput, after: JobInput): Partial<JobInput> {
  const changed = Object.entries(after).filter(
    ([name, value]) => !isDeepStrictEqual(before[name as keyof JobInput], value),
  )
  const patch = Object.fromEntries(changed) as Partial<JobInput>
  if (!patch.policy) return patch
  const left: Record<string, unknown> = {}
  for (const name of Object.keys(before.policy)) left[name] = null
  return { ...patch, policy: { ...left, ...patch.policy } }
}

/** A sentence about one job of the file, with its place. */
export function atJob<T>(key: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw inFileOr(error, key)
  }
}

/** Of a failure of that job: if it is a caller's fault, with its place in the file. */
export function inFileOr(error: unknown, key: string): unknown {
  return error instanceof AppError ? inFile(key, error) : error
}

function inFile(key: string, error: AppError): AppError {
  const place = `jobs.${key}`
  const told = (error.extra['errors'] as { path: string; message: string }[] | undefined) ?? [
    { path: '', message: error.message },
  ]
  const errors = told.map(({ path, message }) => ({
    path: path ? `${place}.${path}` : place,
    message: path && message.startsWith(path) ? `${place}.${message}` : `${place}: ${message}`,
  }))
  return new AppError(error.code, errors.map(({ message }) => message).join('; '), {
    cause: error,
    extra: { errors },
  })
}
