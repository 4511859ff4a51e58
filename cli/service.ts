import type { Json } from './api.ts'
import type { Context } from './context.ts'
import { wordOf } from './projects.ts'
import { whenOf } from './show.ts'

export async function showStatus(context: Context) {
  const api = await context.api()
  const status = await api.call('GET', '/api/status')
  context.show(status, () => statusText(status, context))
}

function statusText(status: Json, { paint }: Context): string {
  const { health, reasons, jobs, process: own, owed, version, provider, projects = [] } = status
  // a key of a project sees that alone, and not how the service is
  if (health === undefined) return ofProject(status, paint)
  const style = health === 'ok' ? 'green' : health === 'degraded' ? 'yellow' : 'red'
  return [
    `${paint(style, health)}  Chronos ${version}, woken by ${provider}, up since ${whenOf(own.started_at)}`,
    ...pausesIn(projects).map((pause) => paint('yellow', pause)),
    ...reasons.map(({ code, message }: Json) => `  ${code}: ${message}`),
    `jobs   ${jobs.scheduled} scheduled, ${jobs.paused} paused, ${jobs.completed} completed, ${jobs.error} in error`,
    `runs   ${own.runs.running} running, ${own.runs.queued + own.runs.waiting} waiting`,
    `owed   ${owed.arms} wake-ups, ${owed.overdue_jobs} overdue jobs, ${owed.lost_wakes} lost wake-ups`,
    '',
  ].join('\n')
}

function ofProject({ version, provider, projects }: Json, paint: Context['paint']): string {
  return [
    `Chronos ${version}, woken by ${provider}`,
    ...pausesIn(projects).map((pause) => paint('yellow', pause)),
    ...projects
      .filter((one: Json) => one.name !== '*')
      .map(
        ({ name, jobs, quotas, runs_this_minute: runs }: Json) =>
          `project ${name}: ${jobs}${ofMost(quotas.jobs)} jobs, ${runs}${ofMost(quotas.runs_per_minute)} runs this minute`,
      ),
    '',
  ].join('\n')
}

const ofMost = (quota: number | null) => (quota === null ? '' : ` of ${quota}`)

/** A pause of everything covers those of its projects. */
function pausesIn(projects: Json[]): string[] {
  const everything = projects.filter(({ name, paused }) => name === '*' && paused)
  const paused = everything.length > 0 ? everything : projects.filter((one) => one.paused)
  return paused.map(({ name, paused_at: since, paused_by: by, paused_reason: reason }) => {
    const why = reason === null ? '' : `: ${reason}`
    return `${wordOf(name)} is paused since ${since}, by ${by}${why}. No run begins.`
  })
}

export async function openPage(context: Context) {
  const { url } = await context.api()
  context.io.open(url)
  context.show({ url }, () => `${url}\n`)
}
