import type { FastifyRequest } from 'fastify'
import { ruleOf } from '../db/index.ts'
import { allows } from '../src/access/keys/index.ts'
import type { JobRule } from '../src/decisions/index.ts'
import { createBreath } from '../src/ground/breath.ts'
import { AppError, fieldRefused } from '../src/ground/errors.ts'
import { notFound } from '../src/ground/not-found.ts'
import type { JobInput } from '../src/jobs/input.ts'
import type { DeclaredChannel } from '../src/jobs/declared-channels.ts'
import { createFaults } from '../src/jobs/faults.ts'
import { inFileOr, inputOf, ownerTag, type Plan, type Planned } from '../src/jobs/plan.ts'
import type { DeclaredFile, DeclaredJob } from '../src/jobs/plan.ts'
import { nextWithTransitions } from '../src/schedule/index.ts'
import { callerOf, projectToUse } from './access.ts'
import type { Input, On } from './api.ts'
import { translated, withScheduleText } from './clients.ts'
import { noteFields } from './changed.ts'
import { withoutCredentials } from './credentials.ts'
import { documentOf } from './document.ts'
import { answering, checkTemplates, lookAt, newJob } from './jobs.ts'
import type { RouteNeeds } from './needs.ts'
import { upcomingBody } from './shapes.ts'

/** Of a file, and of its jobs with the defaults written out: a thousand jobs have less than 1 MB. */
const maxBytes = 4 * 1024 * 1024
/** Jobs of an export. */
const mostJobs = 5_000
/** Instants of a plan, before and after. */
const count = 3

/** Jobs by their keys, one or a whole file of them. */
export function declaredRoutes(on: On, needs: RouteNeeds): void {
  const answer = answering(needs)

  on('GET /api/jobs/by-key/{key}', async ({ params }, request, reply) => {
    const id = await (await needs.declared(projectToUse(request))).byKey(params.key)
    if (id === null) throw notFound('job with key', params.key)
    return answer({ look: await lookAt(needs, id), armed: true }, request, reply, { needsArm: false })
  })

  on('PUT /api/jobs/by-key/{key}', async ({ params: { key }, body }, request, reply) => {
    const job = await declaredJob(key, body, needs).catch((error: unknown) => {
      throw inFileOr(error, key)
    })
    const file = { owner: null, prunes: false, channels: [], jobs: [job] }
    const agreement = { hash: null, agree: () => {} }
    const declared = await needs.declared(projectToUse(request))
    const { plan, owed, ids } = await declared.apply(file, documentOf, agreement)
    noteFields(request, fieldsOf(plan))
    const [done] = plan.jobs
    const made = done?.what === 'make'
    const look = await lookAt(needs, ids.get(key) ?? '')
    if (made) reply.code(201).header('location', `/api/jobs/${look.authored.id}`)
    const saved = { look, armed: owed.length === 0 }
    const shown = await answer(saved, request, reply, { needsArm: true, warns: true })
    return { ...shown, made, changed: done?.fields ?? [] }
  })

  on(
    'POST /api/plan',
    async ({ query, body }, request) => {
      const file = await fileOf(body, query.prune ?? false, needs)
      const { plan, rules } = await (await needs.declared(projectToUse(request))).plan(file, documentOf)
      const now = needs.now()
      const mask = maskingFor(request)
      const changes = []
      const breathe = createBreath()
      for (const one of plan.jobs.filter(({ what }) => what !== 'keep')) {
        await breathe()
        const next = { before: await nextBefore(one), after: await nextAfter(one, rules, now) }
        changes.push({ ...changeBody(one, mask), next })
      }
      return { ...countsOf(plan), changes }
    },
    { maxBytes },
  )

  on(
    'POST /api/apply',
    async ({ query, body }, request) => {
      const file = await fileOf(body, query.prune ?? false, needs)
      const agreement = { hash: query.plan ?? null, agree: agreeing(request) }
      const declared = await needs.declared(projectToUse(request))
      const { plan, owed } = await declared.apply(file, documentOf, agreement)
      noteFields(request, fieldsOf(plan))
      const changes = plan.jobs
        .filter(({ what }) => what !== 'keep')
        .map((one) => changeBody(one, (_field, value) => value))
      const applied = { ...countsOf(plan), changes }
      if (owed.length > 0) throw notArmed(owed, applied)
      return applied
    },
    { maxBytes },
  )

  on('GET /api/export', async ({ query }, request) => {
    const { owner = null } = query
    const declared = await needs.declared(projectToUse(request))
    const { jobs, unkeyed, channels } = await declared.kept({ owner, limit: mostJobs + 1 })
    if (jobs.length > mostJobs) throw tooMany()
    const mask = maskingFor(request)
    const bodies = jobs.map((kept) => {
      const job = inputOf(kept, needs.config.timezone)
      const tags = owner === null ? job.tags : job.tags.filter((tag) => tag !== ownerTag(owner))
      const { name, ...rest } = documentOf({ ...job, tags }, kept.runtime.state === 'paused')
      if (rest['action']) rest['action'] = mask('action', rest['action'])
      const { key } = kept.authored
      return [key, name === key ? rest : { name, ...rest }]
    })
    const file = {
      ...(owner !== null && { owner }),
      ...(Object.keys(channels.channels).length > 0 && { channels: channels.channels }),
      jobs: Object.fromEntries(bodies) as object,
    }
    return { file, without_key: unkeyed, channels_left_out: channels.leftOut }
  })
}

type FileBody = Input<'POST /api/plan'>['body']
type JobBody = FileBody['jobs'][string]

async function fileOf(
  { owner, defaults = {}, channels = {}, jobs }: FileBody,
  prunes: boolean,
  needs: RouteNeeds,
): Promise<DeclaredFile> {
  if (prunes && owner === undefined) {
    throw fieldRefused('owner', 'required with `prune`, which removes the jobs of an owner')
  }
  checkExtent(defaults, jobs)
  const declared: DeclaredJob[] = []
  const breathe = createBreath()
  const faults = createFaults()
  for (const [key, job] of Object.entries(jobs)) {
    const one = await faults.of(key, () => declaredJob(key, { ...defaults, ...job }, needs))
    if (one) declared.push(one)
    await breathe()
  }
  faults.end()
  return { owner: owner ?? null, prunes, channels: channelsOf(channels), jobs: declared }
}

function channelsOf(given: NonNullable<FileBody['channels']>): DeclaredChannel[] {
  return Object.entries(given).map(([name, { default_on: on = null, ...config }]) => {
    return { name, config, defaultOn: typeof on === 'string' ? [on] : on }
  })
}

/** Channels are for keys with `admin`, in a file as everywhere. */
function agreeing(request: FastifyRequest): (plan: Plan) => void {
  return ({ channels }) => {
    const changed = channels.filter(({ what }) => what !== 'keep').map(({ name }) => name)
    if (changed.length === 0 || allows(callerOf(request)?.scopes ?? [], 'admin')) return
    const message = `The file changes channels (${changed.join(', ')}); this operation requires a key with the scope admin.`
    throw new AppError('SCOPE_MISSING', message, { extra: { needed: 'admin' } })
  }
}

/** Each job has the defaults as its own, so a large one counts as often as it is taken. @throws AppError FIELD_INVALID */
function checkExtent(defaults: JobBody, jobs: FileBody['jobs']): void {
  const sizes = Object.entries(defaults).map(([name, value]) => [name, JSON.stringify(value).length] as const)
  let left = maxBytes
  for (const job of Object.values(jobs))
    for (const [name, size] of sizes) if (!Object.hasOwn(job, name)) left -= size
  if (left >= 0) return
  const sentence = `written out in each job they have more than ${maxBytes / 1024 / 1024} MiB. Split the file by \`owner\`, or make them smaller.`
  throw fieldRefused('defaults', sentence)
}

async function declaredJob(key: string, given: JobBody, { config, now }: RouteNeeds): Promise<DeclaredJob> {
  const plain = await withScheduleText(given, now())
  const { body, wish } = translated({ name: key, ...plain }, { isNew: true })
  await checkTemplates(body, config.prompt)
  // the one difference: the job to follow may be named by its key
  return { key, wish, job: newJob(body, undefined) }
}

/** Credentials that stand in an action are for those who may write jobs. */
function maskingFor(request: FastifyRequest): (field: string, value: unknown) => unknown {
  if (allows(callerOf(request)?.scopes ?? [], 'jobs:write')) return (_field, value) => value
  return (field, value) =>
    field === 'action' && value ? withoutCredentials(value as JobInput['action']) : value
}

/** For the audit log. The channels first: what is too much is left out at the end. */
function fieldsOf({ channels, jobs }: Plan) {
  const ofChannels = channels.flatMap(({ name, fields }) =>
    fields.map((one) => ({ of: `channels.${name}`, ...one })),
  )
  return [...ofChannels, ...jobs.flatMap(({ key, fields }) => fields.map((one) => ({ of: key, ...one })))]
}

function countsOf({ hash, channels, jobs }: Plan) {
  const of = (what: Planned['what']) => jobs.filter((one) => one.what === what).length
  return {
    plan: hash,
    ...{ made: of('make'), changed: of('change'), removed: of('remove'), kept: of('keep') },
    channels: channels.flatMap(({ name, what, fields }) =>
      what === 'keep' ? [] : [{ name, what, changed: fields }],
    ),
  }
}

function changeBody({ key, what, kept, fields }: Planned, mask: ReturnType<typeof maskingFor>) {
  const changed = fields.map(({ field, before, after }) => ({
    ...{ field, before: mask(field, before), after: mask(field, after) },
  }))
  return { key, what, id: kept?.authored.id ?? null, changed }
}

async function nextBefore({ kept }: Planned) {
  if (!kept || kept.runtime.state === 'paused' || !kept.runtime.nextSlot) return []
  return nextOf(ruleOf(kept.authored), new Date(kept.runtime.nextSlot.getTime() - 1))
}

async function nextAfter({ key, kept, wanted }: Planned, rules: Map<string, JobRule>, now: Date) {
  const rule = rules.get(key) ?? (wanted && kept && ruleOf(kept.authored))
  const isPaused = wanted?.wish ? !wanted.wish.isOn : kept?.runtime.state === 'paused'
  return rule && !isPaused ? nextOf(rule, now) : []
}

async function nextOf(rule: JobRule, from: Date) {
  const { startsAt, endsAt } = rule.policy
  const after = startsAt && startsAt > from ? new Date(startsAt.getTime() - 1) : from
  const slots = await nextWithTransitions(rule, { after, count })
  return upcomingBody(slots.filter(({ at }) => !endsAt || at <= endsAt)).upcoming
}

function notArmed(keys: string[], applied: object): AppError {
  const detail =
    'The file is applied, but the timer service has not confirmed each wake-up yet. The service keeps trying.'
  return new AppError('NOT_ARMED', detail, {
    extra: { job_saved: true, retry_create: false, keys, ...applied },
  })
}

function tooMany(): AppError {
  return new AppError('FIELD_INVALID', `More than ${mostJobs} jobs have a key. Name an \`owner\`.`, {
    extra: {
      errors: [{ path: 'owner', message: `owner: required, because more than ${mostJobs} jobs have a key` }],
    },
  })
}
