import type { Costs } from '../db/index.ts'
import { isoDay } from '../src/ground/instant.ts'

const dayMs = 86_400_000
/** Days behind today that the rate of the forecast is taken from. */
const rateDays = 7

type Span = { from: Date; to: Date }
type Day = Costs['days'][number]
type Numbers = Omit<Day, 'day'>

/** `costs.days` may begin before the window: the forecast needs the whole month and the last week. */
export function costsBody(costs: Costs, { from, to }: Span) {
  const days = costs.days.filter(({ day }) => day >= from && day <= to)
  const sums = sumOf(days)
  const untilNow = Math.min(to.getTime() + dayMs, costs.now.getTime())
  return {
    ...{ from: isoDay(from), to: isoDay(to) },
    days: days.map((day) => ({ day: isoDay(day.day), ...usedBody(day), ...awakeBody(day) })),
    jobs: costs.jobs.map(({ jobId, name, ...used }) => ({ job_id: jobId, name, ...usedBody(used) })),
    others: usedBody(withoutListed(sums, costs.jobs)),
    jobs_from: isoDay(from),
    totals: {
      ...usedBody(sums),
      ...awakeBody(sums),
      always_on_ms: Math.max(0, untilNow - countedFrom(from.getTime(), costs)),
    },
    forecast: forecastBody(costs),
    awake_since: costs.awakeSince && costs.awakeSince.toISOString(),
  }
}

/** A machine that is always on is compared for the time that is counted, or a service of a minute would save a month. */
function countedFrom(at: number, { awakeSince, now }: Costs): number {
  return Math.max(at, (awakeSince ?? now).getTime())
}

/** This month so far, and for the rest of it what the last seven whole days have had on average. */
function forecastBody(costs: Costs) {
  const { days, now, awakeSince } = costs
  const today = Math.floor(now.getTime() / dayMs) * dayMs
  const begin = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1)
  const end = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1)
  const soFar = sumOf(days.filter(({ day }) => day.getTime() >= begin && day.getTime() <= today))
  const week = sumOf(
    days.filter(({ day }) => day.getTime() >= today - rateDays * dayMs && day.getTime() < today),
  )
  const left = (end - now.getTime()) / dayMs
  // where awake time has been counted for less than a week, by the days since then
  const awakeDays = awakeSince
    ? Math.min(rateDays, Math.max(1, (today - awakeSince.getTime()) / dayMs))
    : rateDays
  const whole = (sum: number, lately: number, perDays = rateDays) => sum + (lately / perDays) * left
  return {
    month: isoDay(now).slice(0, 7),
    awake_ms: Math.round(whole(soFar.awakeMs, week.awakeMs, awakeDays)),
    always_on_ms: end - countedFrom(begin, costs),
    starts: Math.round(whole(soFar.starts, week.starts, awakeDays)),
    tokens_in: Math.round(whole(soFar.tokens.input, week.tokens.input)),
    tokens_out: Math.round(whole(soFar.tokens.output, week.tokens.output)),
    cost_usd: whole(soFar.costUsd, week.costUsd),
  }
}

function sumOf(days: Day[]): Numbers {
  const sum = (of: (day: Day) => number) => days.reduce((total, day) => total + of(day), 0)
  return {
    runs: sum(({ runs }) => runs),
    attempts: sum(({ attempts }) => attempts),
    busyMs: sum(({ busyMs }) => busyMs),
    tokens: { input: sum(({ tokens }) => tokens.input), output: sum(({ tokens }) => tokens.output) },
    costUsd: sum(({ costUsd }) => costUsd),
    awakeMs: sum(({ awakeMs }) => awakeMs),
    starts: sum(({ starts }) => starts),
    fires: sum(({ fires }) => fires),
  }
}

/** Of the service, what is not of one of these jobs. What a deleted job has used is there, and its days are gone. */
function withoutListed(sums: Numbers, jobs: Costs['jobs']): Omit<Numbers, 'awakeMs' | 'starts' | 'fires'> {
  const left = (all: number, of: (job: Costs['jobs'][number]) => number) =>
    Math.max(
      0,
      jobs.reduce((rest, job) => rest - of(job), all),
    )
  return {
    runs: left(sums.runs, ({ runs }) => runs),
    attempts: left(sums.attempts, ({ attempts }) => attempts),
    busyMs: left(sums.busyMs, ({ busyMs }) => busyMs),
    tokens: {
      input: left(sums.tokens.input, ({ tokens }) => tokens.input),
      output: left(sums.tokens.output, ({ tokens }) => tokens.output),
    },
    costUsd: left(sums.costUsd, ({ costUsd }) => costUsd),
  }
}

function usedBody({
  runs,
  attempts,
  busyMs,
  tokens,
  costUsd,
}: Omit<Numbers, 'awakeMs' | 'starts' | 'fires'>) {
  return {
    ...{ runs, attempts, busy_ms: busyMs },
    ...{ tokens_in: tokens.input, tokens_out: tokens.output, cost_usd: costUsd },
  }
}

function awakeBody({ awakeMs, starts, fires }: Pick<Numbers, 'awakeMs' | 'starts' | 'fires'>) {
  return { awake_ms: awakeMs, starts, fires, wakes_shared: Math.max(0, fires - starts) }
}
