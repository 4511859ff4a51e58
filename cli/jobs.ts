import { type Json, jobNamed, listAll } from './api.ts'
import type { Context } from './context.ts'
import { stateStyle, tableOf, whenOf } from './show.ts'
import { laterOf } from './span.ts'

export async function listJobs(context: Context, { tag, state = 'all' }: { tag?: string; state?: string }) {
  const api = await context.api()
  const query = new URLSearchParams({ state, ...(tag !== undefined && { tag }) })
  const jobs = await listAll(api, `/api/jobs?${query}`, 'jobs')
  context.show(jobs, () =>
    jobs.length === 0
      ? 'No jobs.\n'
      : tableOf(
          ['KEY OR ID', 'NAME', 'SCHEDULE', 'STATE', 'NEXT', 'LAST'],
          jobs.map((job) => [
            job.key ?? job.id,
            job.name,
            job.schedule_display,
            context.paint(stateStyle(job.state), job.state),
            whenOf(job.next_run_at),
            lastOf(job, context),
          ]),
        ),
  )
}

function stateOf(job: Json, { paint }: Context): string {
  const until = job.resume_at ? ` until ${job.resume_at}` : ''
  return paint(stateStyle(job.state), job.state) + until + (job.paused_reason ? `: ${job.paused_reason}` : '')
}

/** A paused job is due after its pause, if that ends. */
function dueOf(job: Json, upcoming: Json[]): Json[] {
  if (job.state !== 'paused') return upcoming
  return job.resume_at ? upcoming.filter(({ at }) => at >= job.resume_at) : []
}

function lastOf({ latest_execution: last }: Json, { paint }: Context): string {
  return last === null ? '–' : `${paint(stateStyle(last.status), last.status)} ${whenOf(last.started_at)}`
}

export async function showJob(context: Context, name: string) {
  const api = await context.api()
  const job = await jobNamed(api, name)
  const { upcoming } = await api.call('GET', `/api/jobs/${job.id}/next?count=3`)
  context.show({ ...job, upcoming }, () => detailsOf(job, upcoming, context))
}

function detailsOf(job: Json, upcoming: Json[], context: Context): string {
  const { paint } = context
  const lines: [string, string][] = [
    ['id', job.id],
    ...(job.key === null ? [] : [['key', job.key] as [string, string]]),
    ['schedule', `${job.schedule_display} (${job.timezone})`],
    ['state', stateOf(job, context)],
    ['action', actionOf(job.action)],
    ...(job.tags.length > 0 ? [['tags', job.tags.join(', ')] as [string, string]] : []),
    ['last run', lastOf(job, context)],
    ...(job.last_error ? [['last error', job.last_error] as [string, string]] : []),
    ...dueOf(job, upcoming).map(({ local }, n): [string, string] => [n === 0 ? 'next' : '', local]),
  ]
  const width = Math.max(...lines.map(([head]) => head.length))
  const rows = lines.map(([head, value]) => `${head.padEnd(width)}  ${value}`)
  return `${paint('bold', job.name)}\n${rows.join('\n')}\n`
}

const longestAction = 100

function actionOf(action: Json): string {
  const text = actionText(action).replaceAll(/\s+/g, ' ')
  return text.length > longestAction ? `${text.slice(0, longestAction - 1)}…` : text
}

function actionText(action: Json): string {
  if (action.type === 'http') return `${action.method} ${action.url}`
  const what = {
    command: [action.command, ...(action.args ?? [])].join(' '),
    handler: action.handler,
    prompt: action.prompt,
  }
  return [action.type, what[action.type as keyof typeof what]].filter(Boolean).join(': ')
}

export async function pauseJob(context: Context, name: string, wish: { reason?: string; until?: string }) {
  const api = await context.api()
  const { id } = await jobNamed(api, name)
  const { job } = await api.call('POST', `/api/jobs/${id}/pause`, {
    ...wish,
    ...(wish.until !== undefined && { until: laterOf(wish.until) }),
  })
  context.show(job, () => `${job.name} is paused${job.resume_at ? ` until ${job.resume_at}` : ''}.\n`)
}

export async function resumeJob(context: Context, name: string) {
  const api = await context.api()
  const { id } = await jobNamed(api, name)
  const { job } = await api.call('POST', `/api/jobs/${id}/resume`, {})
  context.show(job, () => `${job.name} goes on; it is due ${whenOf(job.next_run_at)}.\n`)
}

export async function removeJob(context: Context, name: string) {
  const api = await context.api()
  const job = await jobNamed(api, name)
  const gone = await api.call('DELETE', `/api/jobs/${job.id}`)
  context.show(gone, () => `${job.name} is removed, with its history.\n`)
}

/** Of a job, or of a schedule that is only tried. */
export async function showNext(
  context: Context,
  name: string | undefined,
  { schedule, timezone, count }: { schedule?: string; timezone?: string; count: number },
) {
  const api = await context.api()
  if (schedule !== undefined) {
    const wish = { schedule, count, ...(timezone !== undefined && { timezone }) }
    const preview = await api.call('POST', '/api/schedules/preview', wish)
    return context.show(preview, () => `${preview.description}\n${localsOf(preview.upcoming)}`)
  }
  const job = await jobNamed(api, name ?? '')
  const next = await api.call('GET', `/api/jobs/${job.id}/next?count=${count}`)
  context.show(next, () =>
    next.upcoming.length === 0 ? `${job.name} is not due again.\n` : localsOf(next.upcoming),
  )
}

function localsOf(upcoming: Json[]): string {
  const lines = upcoming.map(
    ({ at, local, offset_change: change }) =>
      `${local}  ${whenOf(at)}${change ? `  (the clock changed from ${change.from} to ${change.to})` : ''}`,
  )
  return lines.map((line) => `${line}\n`).join('')
}
