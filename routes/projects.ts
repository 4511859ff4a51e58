import type { FastifyInstance } from 'fastify'
import type { ShownProject } from '../src/access/projects.ts'
import { AppError } from '../src/ground/errors.ts'
import { defaultProject } from '../src/ground/project.ts'
import { notFound } from '../src/ground/not-found.ts'
import { callerOf, projectOf, projectRefused, seeAll } from './access.ts'
import { keyOf, type On } from './api.ts'
import type { RouteNeeds } from './needs.ts'
import { reaches } from './reach.ts'

export function projectRoutes(on: On, { projects }: Pick<RouteNeeds, 'projects'>): void {
  on('GET /api/projects', async (_input, request) => ({
    projects: (await projects.list(projectOf(request))).map(projectBody),
  }))

  on('PUT /api/projects/{name}', async ({ params, body }, _request, reply) => {
    const { runs_per_minute: runsPerMinute, ...others } = body
    const quotas = { ...others, ...(runsPerMinute !== undefined && { runsPerMinute }) }
    const { project, isNew } = await projects.put(params.name, quotas)
    if (isNew) reply.code(201).header('location', `/api/projects/${params.name}`)
    return { project: projectBody(project) }
  })

  on('DELETE /api/projects/{name}', async ({ params }) => {
    if (params.name === defaultProject)
      throw new AppError('PROJECT_IN_USE', 'Project default holds all that names no project. It stays.')
    await projects.remove(params.name)
    return { ok: true, name: params.name }
  })

  on('POST /api/projects/{name}/pause', async ({ params, body }, request) => {
    const by = callerOf(request)?.id ?? ''
    return { project: projectBody(await projects.pause(params.name, { by, reason: body.reason ?? null })) }
  })

  on('POST /api/projects/{name}/resume', async ({ params }) => {
    const resumed = await projects.resume(params.name)
    const project = projectBody(resumed.project)
    if (resumed.armed) return { project }
    throw new AppError('NOT_ARMED', resumedUnarmed, { extra: { project } })
  })
}

const resumedUnarmed =
  'The project is resumed, but the timer service has not confirmed the wake-up of each job yet. The service keeps trying. To be sure, send the request again.'

export function projectBody({ name, quotas, jobCount, runsThisMinute, pause, createdAt }: ShownProject) {
  return {
    name,
    quotas: { jobs: quotas.jobs, runs_per_minute: quotas.runsPerMinute, places: quotas.places },
    jobs: jobCount,
    runs_this_minute: runsThisMinute,
    paused: pause !== null,
    paused_at: pause?.at.toISOString() ?? null,
    paused_by: pause?.by ?? null,
    paused_reason: pause?.reason ?? null,
    created_at: createdAt.toISOString(),
  }
}

/**
 * What a request names is of the project that its caller sees, or is not there. A hook on the scope, and by the table of all
 * operations (reach.ts), so that a route cannot forget it. To be called before anything is recorded or done.
 */
export function keepToProject(scope: FastifyInstance, { projects }: Pick<RouteNeeds, 'projects'>): void {
  scope.addHook('preHandler', async (request) => {
    const project = projectOf(request)
    if (project === null) return
    const ofKey = callerOf(request)?.project ?? null
    const reach = reaches[keyOf(request)]
    if (reach === 'projects' && ofKey !== null) throw projectRefused(ofKey)
    if (ofKey === defaultProject && (await projects.isOnlyDefault())) return seeAll(request)
    if (ofKey === null) await projects.expect(project)
    if (reach === 'service' && ofKey !== null) throw projectRefused(ofKey)
    const { id = '', name } = request.params as { id?: string; name?: string }
    if (reach === 'project' && ofKey !== null && name !== ofKey) throw notFound('project', name ?? '')
    if (reach !== 'job' && reach !== 'run' && reach !== 'key') return
    if (!isId[reach].test(id) || (await projects.owns(project, reach, id))) return
    throw notFound(reach, id)
  })
}

/** A text of another form is refused by the schema of the operation, which says why. */
const isId = {
  job: /^[0-9a-f]{12}$/,
  key: /^[0-9a-f]{12}$/,
  run: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
}
