import type { FastifyReply } from 'fastify'
import type { Look } from '../db/index.ts'
import { checkAction } from '../src/actions/index.ts'
import { AppError } from '../src/errors.ts'
import type { JobInput, Saved } from '../src/jobs.ts'
import type { Input, On } from './api.ts'
import { cursorFor, readCursor } from './cursor.ts'
import { instantIn } from './instant.ts'
import { idempotencyKey, ifMatch } from './headers.ts'
import type { Parts } from './parts.ts'
import { splitPolicy } from './policy.ts'
import { fromLook, jobBody, runBody } from './shapes.ts'

const activeStates = ['scheduled', 'error'] as const
const allStates = [...activeStates, 'paused', 'completed'] as const

export function jobRoutes(on: On, parts: Parts): void {
  const { jobs, isArmed } = parts
  const answer = answering(parts)

  on('GET /api/jobs', async ({ query }) => {
    const { include_disabled: all = false, state, tag = null, q = null, limit = 1000, cursor } = query
    const states = state ? [state] : [...(all ? allStates : activeStates)]
    const lists = await parts.lists()
    const page = await lists.jobs({ states, tag, text: q }, { before: readCursor('jobs', cursor), limit })
    return {
      jobs: page.items.map((job) => jobBody(job, isArmed)),
      next_cursor: cursorFor('jobs', page.nextBefore),
    }
  })

  on('POST /api/jobs', async ({ body }, request, reply) => {
    await checkTemplates(body)
    const saved = await jobs.create(newJob(body), idempotencyKey(request))
    reply.code(201).header('location', `/api/jobs/${saved.look.authored.id}`)
    if (!saved.created) reply.header('idempotency-replayed', 'true')
    return answer(saved, reply, { needsArm: true })
  })

  on('GET /api/jobs/{id}', async ({ params }, _request, reply) => {
    const look = await lookAt(parts, params.id)
    return answer({ look, armed: true }, reply, { needsArm: false })
  })

  on('PATCH /api/jobs/{id}', async ({ params, body }, request, reply) => {
    await checkTemplates(body)
    const saved = await jobs.change(params.id, changes(body), ifMatch(request))
    return answer(saved, reply, { needsArm: true })
  })

  on('DELETE /api/jobs/{id}', async ({ params }, request) => {
    const wanted = ifMatch(request)
    if (wanted !== null) checkVersion(await lookAt(parts, params.id), wanted)
    await jobs.remove(params.id)
    return { ok: true, id: params.id }
  })

  on('POST /api/jobs/{id}/pause', async ({ params, body }, _request, reply) => {
    const until = instantIn(body.until)
    const saved = await jobs.pause(params.id, { reason: body.reason ?? null, until })
    return answer(saved, reply, { needsArm: until !== null })
  })

  on('POST /api/jobs/{id}/resume', async ({ params }, _request, reply) =>
    answer(await jobs.resume(params.id), reply, { needsArm: true }),
  )

  on('POST /api/jobs/{id}/run', async ({ params, body }, _request, reply) => {
    return answerStarted(parts, await jobs.runNow(params.id, body.input ?? null), reply)
  })
}

/** The job as it is now; 424 where it is saved, but the wake-up that the change needs is not confirmed. */
function answering(parts: Parts) {
  return async (saved: Saved, reply: FastifyReply, { needsArm }: { needsArm: boolean }) => {
    const lists = await parts.lists()
    const { look } = saved
    const job = jobBody(fromLook(look, await lists.latestRun(look.authored.id)), parts.isArmed)
    reply.header('etag', `"${job.version}"`)
    if (saved.armed || !needsArm) return { job }
    throw notArmed(job)
  }
}

/** 202 with the run that a client has started, and its job; 424 as `answering` says. */
export async function answerStarted(parts: Parts, saved: Saved & { runId: string }, reply: FastifyReply) {
  const { job } = await answering(parts)(saved, reply, { needsArm: true })
  const lists = await parts.lists()
  const run = await lists.run(saved.runId)
  reply.code(202).header('location', `/api/runs/${saved.runId}`)
  return { run: run && runBody(run), job }
}

/** @throws AppError JOB_NOT_FOUND */
export async function lookAt(parts: Pick<Parts, 'look'>, id: string): Promise<Look> {
  const look = await parts.look(id)
  if (look) return look
  throw new AppError('JOB_NOT_FOUND', `job ${id} was given; there is none with this id`)
}

function checkVersion({ authored }: Look, wanted: number): void {
  if (authored.version === wanted) return
  const found = `the job is at version ${authored.version}`
  throw new AppError('VERSION_CONFLICT', `version ${wanted} was given; ${found}`)
}

function notArmed(job: object): AppError {
  const detail = 'The change is saved, but the timer service has not confirmed the wake-up; it is tried on'
  const extra = { job_saved: true, scheduler_registered: false, retry_create: false, job }
  return new AppError('NOT_ARMED', detail, { extra })
}

type NewJob = Input<'POST /api/jobs'>['body']

/** The short form has a prompt and no action: it is a prompt action. */
function newJob(body: NewJob): JobInput {
  const { policy } = splitPolicy(body)
  const { name, schedule = null, timezone = null, prompt = null } = body
  const { skills = [], deliver = null, tags = [] } = body
  const action = body.action ?? { type: 'prompt' as const }
  if (action.type === 'prompt' && prompt === null) {
    const message = 'prompt: nothing was given; expected a text, or an `action` of type "http"'
    throw new AppError('FIELD_INVALID', message, { extra: { errors: [{ path: 'prompt', message }] } })
  }
  const repeatTimes = body.repeat === undefined ? null : timesOf(body.repeat)
  return {
    name,
    schedule,
    timezone,
    action: completed(action),
    prompt,
    skills,
    deliver,
    repeatTimes,
    tags,
    after: afterOf(body.after ?? null),
    policy,
  }
}

function changes(body: Input<'PATCH /api/jobs/{id}'>['body']): Partial<JobInput> {
  const { policy, rest } = splitPolicy(body)
  const { repeat, action, after, ...others } = rest
  return {
    ...others,
    ...(Object.keys(policy).length > 0 && { policy }),
    ...(action && { action: completed(action) }),
    ...(after !== undefined && { after: afterOf(after) }),
    ...(repeat !== undefined && { repeatTimes: timesOf(repeat) }),
  }
}

/** @throws AppError FIELD_INVALID: what an action may not name or hold, which its schema cannot tell */
async function checkTemplates({ action, prompt }: Pick<Partial<NewJob>, 'action' | 'prompt'>): Promise<void> {
  const problems = await checkAction(action ?? null, prompt ?? null)
  if (problems.length === 0) return
  const message = problems.map((problem) => problem.message).join('; ')
  throw new AppError('FIELD_INVALID', message, { extra: { errors: problems } })
}

/** Written out, so that a stored action says what it does even where a default changes one day. */
function completed(action: NonNullable<NewJob['action']>): JobInput['action'] {
  if (action.type !== 'http') return action
  return { ...action, method: action.method ?? 'POST', success: action.success ?? ['2xx'] }
}

/** Only a success starts the next job, where nothing else is said. */
function afterOf(after: NonNullable<NewJob['after']> | null): JobInput['after'] {
  if (!after) return null
  const { job, on = 'success' } = after
  return { job, on: typeof on === 'string' ? [on] : on }
}

function timesOf(repeat: NonNullable<NewJob['repeat']> | null): number | null {
  return typeof repeat === 'object' ? (repeat?.times ?? null) : repeat
}
