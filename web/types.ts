import type { Static, TSchema } from 'typebox'
import type { Operations } from '../routes/schemas/index.ts'

/** What a route of the API answers, as its schema says: the page has no types of its own for it. */
export type Answer<Route extends keyof Operations> = Operations[Route]['answer'] extends TSchema
  ? Static<Operations[Route]['answer']>
  : string

export type Job = Answer<'GET /api/jobs/{id}'>['job']
export type Run = Answer<'GET /api/runs/{id}'>['run']
export type Arm = Answer<'GET /api/jobs/{id}/arm'>
export type Preview = Answer<'POST /api/schedules/preview'>
export type Upcoming = Preview['upcoming'][number]
export type Slot = Answer<'GET /api/jobs/{id}/slots'>['slots'][number]
export type Scope = Operations['GET /api/jobs']['scope'] | 'jobs:write' | 'runs:start' | 'admin'
