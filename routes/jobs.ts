import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ListedChannel, Look } from '../db/index.ts'
import { checkAction, type PromptPlace } from '../src/actions/index.ts'
import { nothingGiven } from '../src/columns/index.ts'
import { AppError, fieldRefused } from '../src/ground/errors.ts'
import { notFound } from '../src/ground/not-found.ts'
import type { JobInput, JobPatch } from '../src/jobs/input.ts'
import type { Saved } from '../src/run/change.ts'
import { allows } from '../src/access/keys/index.ts'
import { callerOf, projectOf, projectToUse } from './access.ts'
import type { Input, On } from './api.ts'
import { answerDraft } from './draft.ts'
import { type Plain, type Translated, translated, withScheduleText } from './clients.ts'
import { noteJob } from './changed.ts'
import { splitGiven } from './columns.ts'
import { cursorFor, readCursor } from './cursor.ts'
import { cursorIn, orderIn, readOrdered } from './job-order.ts'
import { instantIn } from './instant.ts'
import { idempotencyKey, ifMatch } from './headers.ts'
import type { RouteNeeds } from './needs.ts'
import { splitPolicy } from './policy.ts'
import { fromLook, jobBody, runBody, type Showing } from './shapes.ts'
import { warningsOf } from './warnings.ts'

const activeStates = ['scheduled', 'error'] as const
const allStates = [...activeStates, 'paused', 'completed'] as const

export function jobRoutes(on: On, needs: RouteNeeds): void {
  const { jobs } = needs
  const { timezone } = needs.config
  const answer = answering(needs)

  on('GET /api/jobs', async ({ query }, request) => {
    const { include_disabled: all = false, state, tag = null, q = null, limit = 1000, cursor } = query
    const { failing: isFailing = false, unarmed: isUnarmed = false, tells_nobody: isSilent = false } = query
    const lists = await needs.lists()
    const seenChannels = isSilent ? await lists.channels() : null
    const filter = {
      ...{ project: projectOf(request), tag, text: q },
      ...{ isFailing, isUnarmed, tellsNobody: seenChannels },
    }
    const states = state && state !== 'all' ? [state] : [...(all || state ? allStates : activeStates)]
    const leftOut = all || state ? [] : allStates.filter((one) => !states.includes(one))
    const wanted = { states, ...filter }
    const [{ items, next }, hidden, channels] = await Promise.all([
      query.order ? inOrder(query.order) : newestFirst(),
      leftOut.length > 0 ? lists.countJobs({ states: leftOut, ...filter }) : 0,
      seenChannels ?? lists.channels(),
    ])
    const showing = showingTo(request, needs, channels)
    return {
      jobs: items.map((job) => jobBody(job, showing)),
      next_cursor: next,
      hidden,
      ...withIgnored([], query),
    }

    async function newestFirst() {
      const page = await lists.jobs(wanted, { after: readCursor('jobs', cursor), limit })
      return { items: page.items, next: cursorFor('jobs', page.next) }
    }

    async function inOrder(order: NonNullable<typeof query.order>) {
      const after = readOrdered(order, cursor)
      const page = await lists.orderedJobs(wanted, orderIn(order), { after, limit })
      return { items: page.items, next: page.next && cursorIn(order, page.next) }
    }
  })

  on('POST /api/jobs', async ({ query, body: given }, request, reply) => {
    const { body, ...sent } = translated(await withScheduleText(given, needs.now()), { isNew: true })
    await checkTemplates(body, needs.config.prompt)
    const ignored = [...sent.ignored, ...ignoredModel(sent, body.action?.type ?? 'prompt')]
    const job = newJob(body, sent.model)
    const project = projectToUse(request)
    if (query.validate_only)
      return answerDraft(needs, { job, wish: sent.wish, project }, withIgnored(ignored, query))
    const saved = await jobs.create(job, idempotencyKey(request), sent.wish, project)
    if (saved.created) noteJob(request, { before: null, after: saved.look }, timezone)
    reply.code(201).header('location', `/api/jobs/${saved.look.authored.id}`)
    if (!saved.created) reply.header('idempotency-replayed', 'true')
    return answer(saved, request, reply, { needsArm: true, warns: true, ...withIgnored(ignored, query) })
  })

  on('GET /api/jobs/{id}', async ({ params, query }, request, reply) => {
    const look = await lookAt(needs, params.id)
    return answer({ look, armed: true }, request, reply, { needsArm: false, ...withIgnored([], query) })
  })

  on('PATCH /api/jobs/{id}', async ({ params, query, body: given }, request, reply) => {
    if (Object.keys(given).length === 0) throw nothingToChange()
    const plain = await withScheduleText(given, needs.now())
    const { body, model, wish, ignored } = translated(plain, { isNew: false })
    await checkTemplates(body, needs.config.prompt)
    const patch = { ...changes(body), ...(model !== undefined && { model }) }
    const saved = await jobs.change(params.id, patch, ifMatch(request), wish)
    noteJob(request, { before: saved.before, after: saved.look }, timezone)
    const unused = [...ignored, ...ignoredModel({ model }, saved.look.authored.action.type)]
    return answer(saved, request, reply, { needsArm: true, warns: true, ...withIgnored(unused, query) })
  })

  on('DELETE /api/jobs/{id}', async ({ params }, request) => {
    const wanted = ifMatch(request)
    const before = await lookAt(needs, params.id)
    if (wanted !== null) checkVersion(before, wanted)
    await jobs.remove(params.id)
    noteJob(request, { before, after: null }, timezone)
    return { ok: true, id: params.id }
  })

  on('POST /api/jobs/{id}/pause', async ({ params, query, body }, request, reply) => {
    const until = instantIn(body.until)
    const saved = await jobs.pause(params.id, { reason: body.reason ?? null, until })
    noteJob(request, { before: saved.before, after: saved.look }, timezone)
    return answer(saved, request, reply, { needsArm: until !== null, ...withIgnored([], query) })
  })

  on('POST /api/jobs/{id}/resume', async ({ params, query }, request, reply) => {
    const saved = await jobs.resume(params.id)
    noteJob(request, { before: saved.before, after: saved.look }, timezone)
    return answer(saved, request, reply, { needsArm: true, ...withIgnored([], query) })
  })

  on('POST /api/jobs/{id}/run', async ({ params, body }, request, reply) => {
    return answerStarted(
      needs,
      await jobs.runNow(params.id, {
        input: body.input ?? null,
        trigger: 'manual',
        startedBy: callerOf(request)?.id ?? null,
      }),
      request,
      reply,
    )
  })
}

/** `unarmed`: what a 424 has beside the job. */
type AnswerWish = { needsArm: boolean; warns?: boolean; ignored?: string[]; unarmed?: object }

/** The job as it is now; 424 if it is saved, but the wake-up that the change needs is not confirmed. */
export function answering(needs: RouteNeeds) {
  return async (
    { look, armed }: Saved,
    request: FastifyRequest,
    reply: FastifyReply,
    { needsArm, warns = false, ignored, unarmed = {} }: AnswerWish,
  ) => {
    const lists = await needs.lists()
    const [surroundings, channels] = await Promise.all([
      lists.surroundings(look.authored.id),
      lists.channels(),
    ])
    const job = jobBody(fromLook(look, surroundings), showingTo(request, needs, channels))
    const warnings = warns ? warningsOf(look.authored, channels, needs.config.prompt) : []
    const more = { ...(warnings.length > 0 && { warnings }), ...(ignored && { ignored }) }
    reply.header('etag', `"${job.version}"`)
    if (armed || !needsArm) return { job, ...more }
    throw notArmed(job, { ...more, ...unarmed })
  }
}

/** 202 with the run that a client has started, and its job; 424 as `answering` says, with the run: it is started all the same. */
export async function answerStarted(
  needs: RouteNeeds,
  saved: Saved & { runId: string },
  request: FastifyRequest,
  reply: FastifyReply,
) {
  const found = await (await needs.lists()).run(saved.runId)
  const run = found && runBody(found)
  reply.header('location', `/api/runs/${saved.runId}`)
  const { job } = await answering(needs)(saved, request, reply, { needsArm: true, unarmed: { run } })
  reply.code(202)
  return { run, job }
}

/** Who may write jobs may read all of them. */
export function showingTo(
  request: FastifyRequest,
  { isArmed, trigger }: Pick<RouteNeeds, 'isArmed' | 'trigger'>,
  channels: ListedChannel[],
): Showing {
  return { isArmed, trigger, channels, showsAll: allows(callerOf(request)?.scopes ?? [], 'jobs:write') }
}

function withIgnored(fields: string[], query: { profile?: unknown }): { ignored?: string[] } {
  const ignored = query.profile === undefined || fields.includes('profile') ? fields : [...fields, 'profile']
  return ignored.length > 0 ? { ignored } : {}
}

/** Only a prompt is put to a model. */
function ignoredModel({ model }: { model: string | null | undefined }, actionType: string): string[] {
  return model === undefined || actionType === 'prompt' ? [] : ['model']
}

function nothingToChange(): AppError {
  const message = 'The body names no field to change. Send at least one.'
  return new AppError('FIELD_INVALID', message, { extra: { errors: [{ path: '', message }] } })
}

/** @throws AppError JOB_NOT_FOUND */
export async function lookAt(needs: Pick<RouteNeeds, 'look'>, id: string): Promise<Look> {
  const look = await needs.look(id)
  if (look) return look
  throw notFound('job', id)
}

function checkVersion({ authored }: Look, wanted: number): void {
  if (authored.version === wanted) return
  const found = `the job is at version ${authored.version}`
  throw new AppError('VERSION_CONFLICT', `If-Match names version ${wanted}; ${found}. Read it again.`)
}

function notArmed(job: { id: string }, more: object): AppError {
  const detail =
    'The change is saved, but the timer service has not confirmed the wake-up yet. The service keeps trying.'
  const saved = { job_saved: true, scheduler_registered: false, retry_create: false }
  const extra = { ...saved, job_id: job.id, job, ...more }
  return new AppError('NOT_ARMED', detail, { extra })
}

export type NewJob = Translated<Plain<Input<'POST /api/jobs'>['body']>>['body']

/** The short form has a prompt (or skills) and no action: it is a prompt action. */
export function newJob(body: NewJob, model: string | null | undefined): JobInput {
  const { policy, rest } = splitPolicy(body)
  const { name, schedule = null, timezone = null, deliver = null } = body
  const skills = body.skills ?? []
  const action = body.action ?? { type: 'prompt' as const }
  // an empty prompt beside skills is a whole order, alone it is none
  const prompt = body.prompt || skills.length > 0 ? (body.prompt ?? null) : null
  if (action.type === 'prompt' && !prompt && skills.length === 0) {
    throw fieldRefused('prompt', 'required unless `action` says what to do')
  }
  const repeatTimes = body.repeat === undefined ? null : timesOf(body.repeat)
  return {
    ...nothingGiven,
    ...splitGiven(rest).given,
    name: name.trim(),
    schedule,
    timezone,
    action: completed(action.type === 'prompt' && model ? { ...action, model } : action),
    prompt: action.type === 'prompt' ? (prompt ?? '') : prompt,
    skills,
    deliver,
    repeatTimes,
    after: afterOf(body.after ?? null),
    policy,
  }
}

function changes(body: Translated<Plain<Input<'PATCH /api/jobs/{id}'>['body']>>['body']): JobPatch {
  const { policy, rest } = splitPolicy(body)
  const { given, rest: own } = splitGiven(rest)
  const { repeat, action, after, name, skills, ...others } = own
  return {
    ...given,
    ...others,
    ...(name !== undefined && { name: name.trim() }),
    ...(skills !== undefined && { skills: skills ?? [] }),
    ...(Object.keys(policy).length > 0 && { policy }),
    ...(action && { action: completed(action) }),
    ...(after !== undefined && { after: afterOf(after) }),
    ...(repeat !== undefined && { repeatTimes: timesOf(repeat) }),
  }
}

/** @throws AppError FIELD_INVALID: rules for an action that its schema cannot express */
export async function checkTemplates(
  { action, prompt }: Pick<Partial<NewJob>, 'action' | 'prompt'>,
  place: PromptPlace,
): Promise<void> {
  const problems = await checkAction(action ?? null, prompt ?? null, place)
  if (problems.length === 0) return
  const message = problems.map((problem) => problem.message).join('; ')
  throw new AppError('FIELD_INVALID', message, { extra: { errors: problems } })
}

/** Written out, so that a stored action stays the same even if a default changes one day. */
function completed(action: NonNullable<NewJob['action']>): JobInput['action'] {
  if (action.type !== 'http') return action
  return { ...action, method: action.method ?? 'POST', success: action.success ?? ['2xx'] }
}

/** By default only a success starts the next job. */
function afterOf(after: NonNullable<NewJob['after']> | null): JobInput['after'] {
  if (!after) return null
  const { job, on = 'success' } = after
  return { job, on: typeof on === 'string' ? [on] : on }
}

function timesOf(repeat: NonNullable<NewJob['repeat']> | null): number | null {
  if (typeof repeat === 'object') return repeat?.times ?? null
  return repeat === 'forever' ? null : repeat
}
