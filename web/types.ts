import type { Static, TSchema } from 'typebox'
import type { Operations, otherOperations } from '../routes/schemas/index.ts'

/** What a route of the API answers, as its schema says: the page has no types of its own for it. */
export type Answer<Route extends keyof Routes> = Routes[Route]['answer'] extends TSchema
  ? Static<Routes[Route]['answer']>
  : string
type Routes = Operations & typeof otherOperations

/** Fields whose schemas derive from the columns of the tables are not typed by them. */
export type Job = Omit<Answer<'GET /api/jobs/{id}'>['job'], keyof JobColumns> & JobColumns
export type Run = Omit<Answer<'GET /api/runs/{id}'>['run'], keyof RunColumns> & RunColumns

type JobColumns = {
  id: string
  project: string
  name: string
  timezone: string
  prompt: string | null
  skills: string[]
  deliver: unknown
  action: { type: string } & Record<string, unknown>
  tags: string[]
  created_at: string
  updated_at: string
  version: number
  last_run_at: string | null
  last_status: 'ok' | 'error' | null
  last_error: string | null
  paused_at: string | null
  paused_reason: string | null
  resume_at: string | null
  failure_streak: number
}

type RunColumns = {
  id: string
  job_id: string
  slot: string | null
  trigger: string
  reason: string | null
  attempt: number
  attempts: readonly RunAttempt[]
  claimed_at: string
  started_at: string | null
  finished_at: string | null
  input: unknown
  output: string | null
  usage: Record<string, unknown> | null
  callback_until: string | null
  waiting_since: string | null
}

export type RunAttempt = {
  attempt: number
  fence: number
  state: string
  started_at: string | null
  finished_at: string
  error: { code: string; message: string } | null
}
export type Arm = Answer<'GET /api/jobs/{id}/arm'>
export type Preview = Answer<'POST /api/schedules/preview'>
export type Upcoming = Preview['upcoming'][number]
export type Slot = Answer<'GET /api/jobs/{id}/slots'>['slots'][number]
export type Scope = Operations['GET /api/jobs']['scope'] | 'jobs:write' | 'runs:start' | 'admin'
export type Timeline = Answer<'GET /api/timeline'>
export type Lane = Timeline['lanes'][number]
export type JobStrip = Answer<'GET /api/jobs/strips'>['strips'][number]
export type JobDay = Answer<'GET /api/jobs/{id}/days'>['days'][number]
export type Failures = Answer<'GET /api/failures'>
export type Delivery = Answer<'GET /api/deliveries'>['deliveries'][number]

/** What the page reads of `GET /api/status`, whose answer has more with a key than its schema promises without one. */
export type Status = {
  version: string
  provider: string
  health: 'ok' | 'degraded' | 'failing'
  reasons: readonly { code: string; message: string }[]
  process: { started_at: string; draining: boolean; holds: Record<string, number> }
  waiting_for_place: { runs: number; oldest_since: string | null }
  failed_deliveries: { count: number }
  awake: { because: readonly string[]; goes_down_at: string | null }
  jobs: Record<string, number>
  projects?: Answer<'GET /api/projects'>['projects']
  owed: {
    arms: number
    oldest_since: string | null
    cancels: number
    overdue_jobs: number
    lost_wakes: number
  }
  unarmed: readonly { job_id: string; name: string; wake_at: string | null }[]
}
