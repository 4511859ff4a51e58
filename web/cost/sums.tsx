import type { ComponentChildren } from 'preact'
import { Panel } from '../parts/panel.tsx'
import { counted, countText, nounFor } from '../parts/count.ts'
import { durationText, instantText } from '../parts/when.tsx'
import type { Answer } from '../types.ts'
import { moneyText, shareText } from './money.ts'

export type Costs = Answer<'GET /api/costs'>

/** `perHour` null: of one project, whose jobs share the machine with others, so that its time awake is no one's part. */
type Priced = { costs: Costs; perHour: number | null }

/** The figures that the page is opened for: what was used, beside what a machine that never sleeps would have. */
export function Sums({ costs: { totals }, perHour }: Priced) {
  const tokens = totals.tokens_in + totals.tokens_out
  return (
    <ul class="figures">
      {perHour !== null && <Machine totals={totals} perHour={perHour} />}
      <Figure
        value={countText(totals.runs)}
        name={nounFor(totals.runs, 'run')}
        says={`${counted(totals.attempts, 'attempt')}, ${durationText(totals.busy_ms)} at work`}
      />
      <Figure
        value={moneyText(totals.cost_usd)}
        name="for prompts"
        says={
          tokens === 0
            ? 'no tokens'
            : `${counted(totals.tokens_in, 'token')} in, ${countText(totals.tokens_out)} out, as far as a price is known`
        }
      />
    </ul>
  )
}

function Machine({ totals, perHour }: { totals: Costs['totals']; perHour: number }) {
  return (
    <>
      <Figure
        value={durationText(totals.awake_ms)}
        name="awake"
        says={`${shareText(totals.awake_ms, totals.always_on_ms)} of the time; ${atPrice(totals.awake_ms, perHour)}`}
      />
      <Figure
        value={durationText(totals.always_on_ms)}
        name="if it were always on"
        says={`${atPrice(totals.always_on_ms, perHour)}; saved ${atPrice(
          Math.max(0, totals.always_on_ms - totals.awake_ms),
          perHour,
        )}`}
      />
      <Figure
        value={countText(totals.starts)}
        name={nounFor(totals.starts, 'start')}
        says={`for ${counted(totals.fires, 'call')} of the timer`}
      />
      <Figure
        value={countText(totals.wakes_shared)}
        name={`${nounFor(totals.wakes_shared, 'wake')} shared`}
        says="calls that found a process up, so that no start was paid for them"
      />
    </>
  )
}

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const atPrice = (ms: number, perHour: number) => moneyText((ms / hourMs) * perHour)

type FigureProps = { value: string; name: string; says: ComponentChildren }

function Figure({ value, name, says }: FigureProps) {
  return (
    <li>
      <strong class="number">{value}</strong> {name}
      <span class="quiet">{says}</span>
    </li>
  )
}

/** What this month comes to, if it goes on as in the last days. */
export function Forecast({ costs, perHour }: Priced) {
  const { forecast, awake_since: since } = costs
  const month = new Intl.DateTimeFormat(navigator.language, {
    month: 'long',
    year: 'numeric',
    timeZone: 'UTC',
  })
  const title = `What ${month.format(new Date(`${forecast.month}-01`))} comes to`
  if (perHour === null) {
    const tokens = forecast.tokens_in + forecast.tokens_out
    if (tokens === 0) return null
    return (
      <Panel title={title} note="a forecast">
        <p class="said">
          {counted(tokens, 'token')}
          {forecast.cost_usd > 0 && `, and ${moneyText(forecast.cost_usd)} for prompts`}.
        </p>
        {basis}
      </Panel>
    )
  }
  if (since && Date.now() - Date.parse(since) < dayMs)
    return (
      <Panel title={title}>
        <p class="quiet">
          A forecast needs a day to go by: this service has been counted since {instantText(since)}.
        </p>
      </Panel>
    )
  return (
    <Panel title={title} note="a forecast">
      <p class="said">
        {durationText(forecast.awake_ms)} awake ({atPrice(forecast.awake_ms, perHour)}) in place of{' '}
        {durationText(forecast.always_on_ms)} ({atPrice(forecast.always_on_ms, perHour)}), with{' '}
        {counted(forecast.starts, 'start')}
        {forecast.cost_usd > 0 && `, and ${moneyText(forecast.cost_usd)} for prompts`}.
      </p>
      {basis}
    </Panel>
  )
}

const basis = (
  <p class="quiet">What was used so far, and the rate of the last 7 days for the rest of the month (UTC).</p>
)
