import { fieldRefused } from '../src/ground/errors.ts'
import { projectOf } from './access.ts'
import type { On } from './api.ts'
import { costsBody } from './costs-body.ts'
import { instantIn, instantNear } from './instant.ts'
import { lookAt } from './jobs.ts'
import type { RouteNeeds } from './needs.ts'
import { dayBody, failureBody, laneBody, stripBody } from './overview-shapes.ts'

const dayMs = 86_400_000
const timelineMs = 7 * dayMs
const daysMost = 371

/** What would take a call for each job otherwise: one statement each. */
export function overviewRoutes(on: On, needs: RouteNeeds): void {
  on('GET /api/timeline', async ({ query }, request) => {
    const from = instantIn(query.from) ?? needs.now()
    const to = instantIn(query.to) ?? instantNear(from.getTime() + dayMs)
    if (to <= from || to.getTime() - from.getTime() > timelineMs)
      throw fieldRefused('to', 'must be after `from`, and 7 days later at most')
    const { lanes, hasMore, now } = await needs.timeline({
      ...{ project: projectOf(request), from, to },
      limit: query.limit ?? 50,
    })
    return {
      now: (now ?? needs.now()).toISOString(),
      ...{ from: from.toISOString(), to: to.toISOString() },
      lanes: lanes.map(laneBody),
      more: hasMore,
    }
  })

  on('GET /api/jobs/strips', async ({ query }, request) => {
    const overview = await needs.overview()
    const strips = await overview.strips([...new Set(query.ids.split(','))], projectOf(request))
    return { strips: strips.map(stripBody) }
  })

  on('GET /api/jobs/{id}/days', async ({ params, query }) => {
    await lookAt(needs, params.id)
    const overview = await needs.overview()
    const days = await overview.days(params.id, spanOf(query, { now: needs.now(), usualDays: daysMost }))
    return { days: days.map(dayBody) }
  })

  on('GET /api/failures', async ({ query }, request) => {
    const overview = await needs.overview()
    const since = instantIn(query.since) ?? new Date(needs.now().getTime() - dayMs)
    const { failures, runs } = await overview.failures({
      ...{ project: projectOf(request), since },
      jobId: query.job ?? null,
    })
    return { since: since.toISOString(), failures: failures.map(failureBody), runs }
  })

  on('GET /api/costs', async ({ query }, request) => {
    const span = spanOf(query, { now: needs.now(), usualDays: 30 })
    return costsBody(await needs.costs({ ...span, project: projectOf(request) }), span)
  })
}

type AskedSpan = { from?: string | undefined; to?: string | undefined }

/** Begins of UTC days, both inclusive. @throws AppError FIELD_INVALID */
function spanOf(asked: AskedSpan, { now, usualDays }: { now: Date; usualDays: number }) {
  const to = dayIn('to', asked.to) ?? new Date(Math.floor(now.getTime() / dayMs) * dayMs)
  const from = dayIn('from', asked.from) ?? instantNear(to.getTime() - (usualDays - 1) * dayMs)
  const days = (to.getTime() - from.getTime()) / dayMs + 1
  if (days < 1 || days > daysMost)
    throw fieldRefused('from', `must not be after \`to\`, and ${daysMost - 1} days before it at most`)
  return { from, to }
}

function dayIn(path: string, text: string | undefined): Date | null {
  if (text === undefined) return null
  const day = new Date(`${text}T00:00:00Z`)
  const isDay = !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text)
  // the calendar of Postgres has no year 0
  if (isDay && instantNear(day.getTime()).getTime() === day.getTime()) return day
  throw fieldRefused(path, `${text} is not a day of the calendar`)
}
