import type { FastifyRequest } from 'fastify'
import { ruleOf } from '../db/index.ts'
import { allows } from '../src/access/keys/index.ts'
import type { JobRule } from '../src/decisions/index.ts'
import { AppError, fieldRefused } from '../src/ground/errors.ts'
import { notFound } from '../src/ground/not-found.ts'
import type { JobInput } from '../src/jobs/input.ts'
import { atJob, inFileOr, inputOf, ownerTag, type Plan, type Planned } from '../src/jobs/plan.ts'
import type { DeclaredFile, DeclaredJob } from '../src/jobs/plan.ts'
import { nextWithTransitions } from '../src/schedule/index.ts'
import { callerOf, projectToUse } from './access.ts'
import type { Input, On } from './api.ts'
import { translated } from './clients.ts'
import { withoutCredentials } from './credentials.ts'
import { documentOf } from './document.ts'
import { answering, checkTemplates, lookAt, newJob, type NewJob } from './jobs.ts'
import type { RouteNeeds } from './needs.ts'
import { upcomingBody } from './shapes.ts'

/** Of a file: a thousand jobs have less than 1 MB. */
const maxBytes = 8 * 1024 * 1024
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
    const job = await declaredJob(key, body, needs)
    const file = { owner: null, prunes: false, jobs: [job] }
    const { plan, owed, ids } = await (await needs.declared(projectToUse(request))).apply(
      file,
      documentOf,
      null,
    )
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
      for (const one of plan.jobs.filter(({ what }) => what !== 'keep')) {
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
      const { plan, owed } = await (await needs.declared(projectToUse(request))).apply(
        file,
        documentOf,
        query.plan ?? null,
      )
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
    const { jobs, unkeyed } = await (await needs.declared(projectToUse(request))).kept({
      owner,
      limit: mostJobs + 1,
    })
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
    const file = { ...(owner !== null && { owner }), jobs: Object.fromEntries(bodies) as object }
    return { file, without_key: unkeyed }
  })
}

type FileBody = Input<'POST /api/plan'>['body']
type JobBody = FileBody['jobs'][string]

async function fileOf(
  { owner, defaults = {}, jobs }: FileBody,
  prunes: boolean,
  needs: RouteNeeds,
): Promise<DeclaredFile> {
  if (prunes && owner === undefined) {
    throw fieldRefused('owner', 'required with `prune`, which removes the jobs of an owner')
  }
  const declared: DeclaredJob[] = []
  for (const [key, job] of Object.entries(jobs))
    declared.push(await declaredJob(key, { ...defaults, ...job }, needs))
  return { owner: owner ?? null, prunes, jobs: declared }
}

async function declaredJob(key: string, given: JobBody, { config }: RouteNeeds): Promise<DeclaredJob> {
  const { body, wish } = translated({ name: key, ...given }, { isNew: true })
  await checkTemplates(body, config.prompt).catch((error: unknown) => {
    throw inFileOr(error, key)
  })
  // the one difference: the job to follow may be named by its key
  return { key, wish, job: atJob(key, () => newJob(body as NewJob, undefined)) }
}

/** Credentials that stand in an action are for those who may write jobs. */
function maskingFor(request: FastifyRequest): (field: string, value: unknown) => unknown {
  if (allows(callerOf(request)?.scopes ?? [], 'jobs:write')) return (_field, value) => value
  return (field, value) =>
    field === 'action' && value ? withoutCredentials(value as JobInput['action']) : value
}

function countsOf({ hash, jobs }: Plan) {
  const of = (what: Planned['what']) => jobs.filter((one) => one.what === what).length
  return { plan: hash, made: of('make'), changed: of('change'), removed: of('remove'), kept: of('keep') }
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
