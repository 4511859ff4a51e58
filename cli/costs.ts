import { spanOf } from '../src/ground/span.ts'
import type { Json } from './api.ts'
import type { Context } from './context.ts'
import { tableOf } from './show.ts'
import { instantOf } from './span.ts'

export const costsBy = ['day', 'job'] as const
type CostsWish = { by: (typeof costsBy)[number]; since?: string }

/** What the service has used, by UTC day (all of `GET /api/costs`, as JSON) or by job; without `since` the last 30 days. */
export async function showCosts(context: Context, { by, since }: CostsWish) {
  const api = await context.api()
  const query = since === undefined ? '' : `?from=${instantOf(since).slice(0, 10)}`
  const costs = await api.call('GET', `/api/costs${query}`)
  context.show(costs, () => (by === 'job' ? byJob(costs) : byDay(costs)))
}

const usedHeads = ['RUNS', 'ATTEMPTS', 'BUSY', 'TOKENS', 'COST']

function usedCells({
  runs,
  attempts,
  busy_ms: busyMs,
  tokens_in: read,
  tokens_out: written,
  cost_usd,
}: Json) {
  return [String(runs), String(attempts), spanOf(busyMs), String(read + written), `$${cost_usd.toFixed(2)}`]
}

function byDay({ days, totals, forecast }: Json): string {
  const awakeCells = ({ awake_ms: awakeMs, starts }: Json) => [spanOf(awakeMs), String(starts)]
  // a day on which nothing was up says nothing
  const told = days.filter(({ runs, awake_ms: awakeMs }: Json) => runs > 0 || awakeMs > 0)
  const rows = told.map((one: Json) => [one.day, ...usedCells(one), ...awakeCells(one)])
  const sum = ['all', ...usedCells(totals), ...awakeCells(totals)]
  const { month, awake_ms: awakeMs, always_on_ms: alwaysMs, cost_usd: usd } = forecast
  return `${tableOf(['DAY', ...usedHeads, 'AWAKE', 'STARTS'], [...rows, sum])}${month} comes to ${spanOf(awakeMs)} awake (always on: ${spanOf(alwaysMs)}) and $${usd.toFixed(2)} for tokens.\n`
}

function byJob({ jobs, others, totals }: Json): string {
  const rows = jobs.map((one: Json) => [one.name ?? one.job_id, ...usedCells(one)])
  const rest = others.runs > 0 ? [['others', ...usedCells(others)]] : []
  return tableOf(['JOB', ...usedHeads], [...rows, ...rest, ['all', ...usedCells(totals)]])
}
