import type { JSONObject } from '@modelcontextprotocol/server'
import { briefJob, briefRun, briefSaved, cut, localsIn } from './mcp-brief.ts'
import type { Ask, Json, Tool } from './mcp-tool.ts'
import { scheduleForm } from './schemas/schedule-form.ts'

const text = (description: string) => ({ type: 'string', description })
const job = text('its id or its key')
const runId = text('its id')
const number = (description: string, maximum: number) => ({
  type: 'integer',
  minimum: 1,
  maximum,
  description,
})

const jobFields = {
  name: text('for people'),
  schedule: scheduleForms(),
  timezone: text('IANA name'),
  action: {
    type: 'object',
    description:
      '{"type":"http","url":…,"method"?,"headers"?,"body"?}, {"type":"prompt",…}, {"type":"handler",…} or {"type":"command",…}. Name secrets as {{secrets.NAME}}',
  },
  prompt: text('in place of an action: put to a language model'),
  key: text('a unique name of your choice'),
  tags: { type: 'array', items: { type: 'string' } },
  deliver: { description: 'who is told of the outcome: {"channel":"NAME"} or a list' },
  retry: { type: 'object', description: '{"attempts":3,"delay_ms":10000}' },
  overlap: { type: 'string', enum: ['skip', 'queue', 'allow', 'cancel_running'] },
}
const others = ' More fields: those of POST /api/jobs in /openapi.json.'

/** Every tool is one thing that people do with the API, or two of its calls in a row. */
export const tools: Tool[] = [
  {
    name: 'preview_schedule',
    scope: 'jobs:read',
    description: 'Reads a schedule, says it in words and lists its next instants. Saves nothing.',
    properties: { schedule: jobFields.schedule, timezone: jobFields.timezone, count: number('instants', 20) },
    required: ['schedule'],
    readOnly: true,
    async call(given, ask) {
      const { description, timezone, upcoming } = await ask('POST', '/api/schedules/preview', given)
      return { description, timezone, next: localsIn(upcoming) }
    },
  },
  {
    name: 'find_jobs',
    scope: 'jobs:read',
    description: 'Lists jobs, newest first.',
    properties: {
      q: text('a part of the name or the prompt'),
      tag: text('of the jobs'),
      state: { type: 'string', enum: ['scheduled', 'paused', 'completed', 'error', 'all'] },
      limit: number('jobs; 20', 100),
    },
    required: [],
    readOnly: true,
    async call({ limit = 20, state = 'all', ...given }, ask) {
      const { jobs, next_cursor: more } = await ask('GET', `/api/jobs?${queryOf({ ...given, state, limit })}`)
      return { jobs: (jobs as Json[]).map(briefJob), ...(more !== null && { more: true }) }
    },
  },
  {
    name: 'get_job',
    scope: 'jobs:read',
    description: 'One job with its action and its next instants.',
    properties: { job },
    required: ['job'],
    readOnly: true,
    async call(given, ask) {
      const found = await jobOf(given, ask)
      const { upcoming } = await ask('GET', `/api/jobs/${found.id}/next?count=3`)
      const { action, prompt, deliver, tags } = found
      return { ...briefJob(found), action, prompt, deliver, tags, next: localsIn(upcoming) }
    },
  },
  {
    name: 'explain_job',
    scope: 'jobs:read',
    description: 'Why a job did or did not run: its last slots and its wake-up, in sentences.',
    properties: { job },
    required: ['job'],
    readOnly: true,
    async call(given, ask) {
      const { story } = await ask('GET', `/api/jobs/${(await jobOf(given, ask)).id}/why`)
      return (story as string[]).join('\n')
    },
  },
  {
    name: 'create_job',
    scope: 'jobs:write',
    isOpen: true,
    description: `Makes a job. With validate_only nothing is made, and the answer says what would be.${others}`,
    properties: { ...jobFields, validate_only: { type: 'boolean', description: 'only check it' } },
    required: ['name', 'schedule'],
    readOnly: false,
    async call({ validate_only: isTry, ...given }, ask) {
      if (!isTry) return briefSaved(await ask('POST', '/api/jobs', given))
      const { description, upcoming, warnings } = await ask('POST', '/api/jobs?validate_only=true', given)
      return {
        valid: true,
        description,
        next: localsIn(upcoming),
        ...(warnings !== undefined && { warnings }),
      }
    },
  },
  {
    name: 'change_job',
    scope: 'jobs:write',
    isOpen: true,
    description: `Changes the fields of a job that are given.${others}`,
    properties: { job, ...jobFields },
    required: ['job'],
    readOnly: false,
    async call({ job: named, ...fields }, ask) {
      const { id } = await jobOf({ job: named }, ask)
      return briefSaved(await ask('PATCH', `/api/jobs/${id}`, fields))
    },
  },
  {
    name: 'pause_job',
    scope: 'jobs:write',
    description: 'Pauses a job, until it is resumed or until an instant.',
    properties: { job, reason: text('shown with the job'), until: text('an ISO instant') },
    required: ['job'],
    readOnly: false,
    async call({ job: named, ...wish }, ask) {
      return briefSaved(await ask('POST', `/api/jobs/${(await jobOf({ job: named }, ask)).id}/pause`, wish))
    },
  },
  {
    name: 'resume_job',
    scope: 'jobs:write',
    description: 'Lets a paused job go on.',
    properties: { job },
    required: ['job'],
    readOnly: false,
    call: async (given, ask) =>
      briefSaved(await ask('POST', `/api/jobs/${(await jobOf(given, ask)).id}/resume`, {})),
  },
  {
    name: 'run_job',
    scope: 'runs:start',
    description: 'Runs a job now, and waits for the end of the run for wait_s seconds (20; 0: not at all).',
    properties: {
      job,
      input: { description: 'the input of the run' },
      wait_s: { type: 'integer', minimum: 0, maximum: 60 },
    },
    required: ['job'],
    readOnly: false,
    async call({ job: named, wait_s: waitS = 20, ...wish }, ask) {
      const { id } = await jobOf({ job: named }, ask)
      const { run: started } = (await ask('POST', `/api/jobs/${id}/run`, wish)) as { run: Json }
      return briefRun(await ended(started['id'] as string, Number(waitS) * 1_000, ask))
    },
  },
  {
    name: 'find_runs',
    scope: 'jobs:read',
    description: 'Lists runs, newest first.',
    properties: {
      job,
      status: text('states, separated by commas, such as failed,timed_out,interrupted'),
      since: text('an ISO instant'),
      limit: number('runs; 20', 100),
    },
    required: [],
    readOnly: true,
    async call({ job: named, limit = 20, ...given }, ask) {
      const id = named === undefined ? undefined : (await jobOf({ job: named }, ask)).id
      const { runs } = await ask('GET', `/api/runs?${queryOf({ ...given, limit, job: id })}`)
      return { runs: (runs as Json[]).map(briefRun) }
    },
  },
  {
    name: 'get_run',
    scope: 'jobs:read',
    description: 'One run, with its output and its error.',
    properties: { run: runId },
    required: ['run'],
    readOnly: true,
    call: async ({ run: id }, ask) => briefRun((await ask('GET', `/api/runs/${part(id)}`))['run'] as Json),
  },
  {
    name: 'read_log',
    scope: 'jobs:read',
    description: 'The end of what a run wrote.',
    properties: { run: runId, attempt: number('default: the newest', 1_000) },
    required: ['run'],
    readOnly: true,
    async call({ run: id, attempt }, ask) {
      const { text: log } = await ask('GET', `/api/runs/${part(id)}/logs?${queryOf({ attempt })}`)
      return cut(String(log), { keepsEnd: true }) || 'The log is empty.'
    },
  },
]

/** As every body of the API takes it, with one sentence in place of one for each part. */
function scheduleForms(): JSONObject {
  const { anyOf } = JSON.parse(
    JSON.stringify(scheduleForm, (key, value: unknown) => (key === 'description' ? undefined : value)),
  ) as { anyOf: JSONObject[] }
  const description =
    '`every 30m`, `every weekday at 9am`, `first monday of the month at 9am`, `0 9 * * 1-5`, `in 2h`, an ISO instant; a list of these; ' +
    'or its parts: `rules`, `except` (rules or dates), `except_calendar` (the text of an iCalendar file), `from`, `until` (local dates). Try it with preview_schedule'
  return { description, anyOf }
}

async function jobOf({ job: named }: Json, ask: Ask): Promise<Json & { id: string }> {
  const name = part(named)
  const path = /^[0-9a-f]{12}$/.test(name) ? `/api/jobs/${name}` : `/api/jobs/by-key/${name}`
  return (await ask('GET', path))['job'] as Json & { id: string }
}

/** A part of a path, whatever was given. */
const part = (given: unknown) => encodeURIComponent(typeof given === 'string' ? given : JSON.stringify(given))

function queryOf(given: Json): string {
  const named = Object.entries(given).filter(([, value]) => value !== undefined)
  return new URLSearchParams(named.map(([name, value]) => [name, String(value)])).toString()
}

const lookEveryMs = 500

async function ended(id: string, waitMs: number, ask: Ask): Promise<Json> {
  const endsAt = performance.now() + waitMs
  for (;;) {
    const run = (await ask('GET', `/api/runs/${id}`))['run'] as Json
    if (run['finished_at'] !== null || performance.now() >= endsAt) return run
    await new Promise((wake) => setTimeout(wake, Math.min(lookEveryMs, waitMs)))
  }
}
