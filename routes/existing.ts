import type { ListedRun } from '../db/index.ts'
import type { On } from './api.ts'
import { noModel } from './clients.ts'
import { cursorFor, readCursor } from './cursor.ts'
import { lookAt } from './jobs.ts'
import type { RouteNeeds } from './needs.ts'
import { errorText } from './shapes.ts'

// Routes that clients of agents with an API of this form call beside `/api/jobs`, in the forms that they read. This
// service is no agent: it has neither sessions nor chats, and says so in its capabilities.

/** What such clients recognise an API of this form by. */
export const platform = 'hermes-agent'
export const service = 'chronos'

export function existingRoutes(on: On, needs: RouteNeeds): void {
  const { prompt, version, corsOrigins } = needs.config
  const model = prompt.model ?? noModel

  on('GET /v1/models', async () => ({
    object: 'list',
    data: [{ id: model, object: 'model', created: 0, owned_by: service, root: model, parent: null }],
  }))

  on('GET /v1/capabilities', async () => ({
    object: 'hermes.api_server.capabilities',
    ...{ platform, service, version, model },
    auth: { type: 'bearer', required: true },
    runtime: {
      ...{ mode: 'scheduler', tool_execution: 'none', split_runtime: false },
      description:
        'Runs jobs on schedules. There is no agent behind this API: no chats, no sessions, no tools.',
    },
    features: { ...absent, ...present, cors: corsOrigins.length > 0 },
    endpoints,
  }))

  on('GET /api/jobs/{id}/executions', async ({ params, query }) => {
    await lookAt(needs, params.id)
    const { items, next } = await runsOf(needs, params.id, query)
    return { executions: items.map(executionBody), next_cursor: cursorFor('runs', next) }
  })

  on('GET /api/jobs/{id}/output', async ({ params, query }) => {
    await lookAt(needs, params.id)
    const { items } = await runsOf(needs, params.id, { limit: query.limit ?? 10 })
    const outputs = items.flatMap(outputBody)
    return { job_id: params.id, output: outputs[0]?.content ?? null, outputs }
  })
}

async function runsOf(needs: RouteNeeds, jobId: string, wish: { limit?: number; cursor?: string }) {
  const lists = await needs.lists()
  const page = { after: readCursor('runs', wish.cursor), limit: wish.limit ?? 50 }
  return lists.runs({ project: null, jobId, states: [], tag: null, since: null, until: null }, page)
}

const absent = Object.fromEntries(
  [
    ...['chat_completions', 'chat_completions_streaming', 'responses_api', 'responses_streaming'],
    ...['run_submission', 'run_status', 'run_events_sse', 'run_stop', 'run_approval_response'],
    ...['tool_progress_events', 'approval_events', 'session_resources', 'skills_api', 'audio_api'],
  ].map((feature) => [feature, false]),
)
const present = { jobs_api: true, job_executions: true, job_output: true, models_api: true }

const endpoints = {
  health: { method: 'GET', path: '/health' },
  models: { method: 'GET', path: '/v1/models' },
  capabilities: { method: 'GET', path: '/v1/capabilities' },
  status: { method: 'GET', path: '/api/status' },
  jobs: { method: 'GET', path: '/api/jobs' },
  job_create: { method: 'POST', path: '/api/jobs' },
  job: { method: 'GET', path: '/api/jobs/{job_id}' },
  job_update: { method: 'PATCH', path: '/api/jobs/{job_id}' },
  job_delete: { method: 'DELETE', path: '/api/jobs/{job_id}' },
  job_pause: { method: 'POST', path: '/api/jobs/{job_id}/pause' },
  job_resume: { method: 'POST', path: '/api/jobs/{job_id}/resume' },
  job_run: { method: 'POST', path: '/api/jobs/{job_id}/run' },
  job_executions: { method: 'GET', path: '/api/jobs/{job_id}/executions' },
  job_output: { method: 'GET', path: '/api/jobs/{job_id}/output' },
}

/** `status` in the words of such a ledger, in which an unknown outcome is `unknown`; `state` in ours. */
const statuses: Partial<Record<ListedRun['state'], string>> = {
  waiting: 'running',
  succeeded: 'completed',
  timed_out: 'failed',
  interrupted: 'unknown',
}

function executionBody(run: ListedRun) {
  const { startedAt, finishedAt } = run
  return {
    id: run.id,
    job_id: run.jobId,
    source: run.trigger,
    status: statuses[run.state] ?? run.state,
    state: run.state,
    scheduled_instant: run.slot?.toISOString() ?? null,
    claimed_at: run.claimedAt.toISOString(),
    started_at: startedAt?.toISOString() ?? null,
    finished_at: finishedAt?.toISOString() ?? null,
    duration_ms: startedAt && finishedAt ? finishedAt.getTime() - startedAt.getTime() : null,
    error: errorText(run),
  }
}

/** As a file that the run had written, which is what such clients list; none if it has no output. */
function outputBody(run: ListedRun) {
  if (run.output === null || !run.finishedAt) return []
  const timestamp = run.finishedAt.toISOString()
  const filename = `${timestamp.slice(0, 19).replace('T', '_').replaceAll(':', '-')}.md`
  const content = run.output
  const size = Buffer.byteLength(content)
  return [{ run_id: run.id, filename, timestamp, content, size, truncated: run.isOutputCut }]
}
