import assert from 'node:assert/strict'
import type { Json, Service } from '../support/service.ts'
import { until } from '../support/until.ts'

/** The runs of a job, oldest first. */
export async function runsOf({ api }: Pick<Service, 'api'>, jobId: string): Promise<Json[]> {
  const { body } = await api('GET', `/api/jobs/${jobId}/runs?limit=1000`)
  return (body.runs as Json[]).toReversed()
}

/** The newest run of a job, once it has finished. */
export function lastRun(service: Pick<Service, 'api'>, jobId: string, count = 1): Promise<Json> {
  return until(`${count} finished runs of ${jobId}`, async () => {
    const runs = await runsOf(service, jobId)
    const isOver = runs.length >= count && runs.every(({ finished_at: at }) => at !== null)
    return isOver && runs.at(-1)
  })
}

/** `09:00`: the time of day of an instant, UTC; seconds where there are some. */
export function clockOf(instant: string | Date | null): string {
  if (instant === null) return 'none'
  return new Date(instant).toISOString().slice(11, 19).replace(/:00$/, '')
}

export function hook({ target }: Pick<Service, 'target'>, path = '/hook') {
  return { type: 'http', url: `${target.url}${path}` }
}

export async function readJob({ api }: Pick<Service, 'api'>, id: string): Promise<Json> {
  const { status, body } = await api('GET', `/api/jobs/${id}`)
  assert.equal(status, 200)
  return body.job
}

export async function change({ api }: Pick<Service, 'api'>, id: string, patch: object): Promise<Json> {
  const { status, body } = await api('PATCH', `/api/jobs/${id}`, patch)
  assert.equal(status, 200, JSON.stringify(body))
  return body.job
}
