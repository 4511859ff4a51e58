import Type from 'typebox'
import { projectPattern } from '../../src/ground/project.ts'
import { expecting, instantOut, instantOutOrNull, line, object, orNull, textOrNull } from './fields.ts'
import type { Operation } from './operation.ts'
import { bodyErrors, inputErrors } from './refusals.ts'

const form = '1 to 39 lower-case letters, digits and "-", the first no "-"'
const projectName = Type.String({ pattern: projectPattern, ...expecting(form) })
/** What each route that a key opens takes. */
export const projectHeader = {
  'Chronos-Project': Type.Optional(
    Type.String({
      pattern: projectPattern,
      description: 'whose things are seen and made, for a key of all projects; `default` if nothing is sent',
      ...expecting(form),
    }),
  ),
}
export const projectOrAll = Type.String({
  pattern: `${projectPattern}|^[*]$`,
  ...expecting(`${form}; or "*" for all projects`),
})

const quotaOf = (minimum: number, description: string) =>
  Type.Optional(
    Type.Unsafe<number | null>({ type: ['integer', 'null'], minimum, maximum: 1_000_000_000, description }),
  )
const quotas = {
  jobs: quotaOf(0, 'jobs that it may have; null: as many as there are'),
  runs_per_minute: quotaOf(1, 'runs that may begin in a minute; null: no limit'),
  places: quotaOf(1, 'attempts that a process may make at once; null: those of the process'),
}

export const project = object(
  {
    name: Type.String({ description: '`*`: all of them' }),
    quotas: object({
      jobs: orNull<number>('integer', {}),
      runs_per_minute: orNull<number>('integer', {}),
      places: orNull<number>('integer', {}),
    }),
    jobs: Type.Integer({ description: 'jobs that it has' }),
    runs_this_minute: Type.Integer({ description: 'counted if it has `runs_per_minute`' }),
    paused: Type.Boolean({ description: 'by itself, or because everything is' }),
    paused_at: instantOutOrNull,
    paused_by: { ...textOrNull, description: 'the id of a key, or `API_KEY`' },
    paused_reason: textOrNull,
    created_at: instantOut,
  },
  { title: 'Project' },
)

const answer = object({ project })

export const projectOperations = {
  'GET /api/projects': {
    id: 'listProjects',
    scope: 'jobs:read',
    summary: 'The projects that the key sees, with their quotas and pauses',
    status: 200,
    answer: object({ projects: Type.Array(project) }),
    errors: [...inputErrors],
  },
  'PUT /api/projects/{name}': {
    id: 'putProject',
    scope: 'admin',
    summary: 'Make a project, or change its quotas; for keys of all projects',
    params: object({ name: projectName }),
    body: object(quotas, { title: 'ProjectInput', description: 'A quota that is not named stays as it is.' }),
    status: 200,
    madeStatus: 201,
    answer,
    errors: [...bodyErrors, 'PROJECT_REFUSED'],
  },
  'DELETE /api/projects/{name}': {
    id: 'deleteProject',
    scope: 'admin',
    summary: 'Remove a project that has nothing left; for keys of all projects',
    params: object({ name: projectName }),
    body: object({}),
    status: 200,
    answer: object({ ok: Type.Boolean(), name: Type.String() }),
    errors: [...bodyErrors, 'PROJECT_NOT_FOUND', 'PROJECT_IN_USE', 'PROJECT_REFUSED'],
  },
  'POST /api/projects/{name}/pause': {
    id: 'pauseProject',
    scope: 'admin',
    summary: 'Pause all jobs of a project, or (`*`) of all: no run begins until it is resumed',
    params: object({ name: projectOrAll }),
    body: object({ reason: Type.Optional(line(500)) }),
    status: 200,
    answer,
    errors: [...bodyErrors, 'PROJECT_NOT_FOUND', 'PROJECT_REFUSED'],
  },
  'POST /api/projects/{name}/resume': {
    id: 'resumeProject',
    scope: 'admin',
    summary: 'End the pause of a project, or (`*`) of all; a job that was paused by itself stays paused',
    params: object({ name: projectOrAll }),
    body: object({}),
    status: 200,
    answer,
    errors: [...bodyErrors, 'PROJECT_NOT_FOUND', 'PROJECT_REFUSED', 'NOT_ARMED'],
  },
} satisfies Record<string, Operation>
