import { Panel } from '../parts/panel.tsx'
import { durationText, When } from '../parts/when.tsx'
import type { Span } from './spans.ts'

/** The steps of a run one under the other, each where it was in time and as long as it took. */
export function Waterfall({ spans }: { spans: readonly Span[] }) {
  const from = Math.min(...spans.map((span) => span.from))
  const to = Math.max(...spans.map((span) => span.to))
  const whole = Math.max(1, to - from)
  return (
    <Panel title="What happened" note={`${durationText(whole)} in all`}>
      <ol class="waterfall">
        {spans.map((span) => (
          <li key={span.key} class={span.look}>
            <span class="name">{span.name}</span>
            <span class="track" aria-hidden="true">
              <span
                class="piece"
                style={{
                  left: `${((span.from - from) / whole) * 100}%`,
                  width: `${((span.to - span.from) / whole) * 100}%`,
                }}
              />
            </span>
            <span class="took when">{span.to > span.from ? durationText(span.to - span.from) : '·'}</span>
            <span class="quiet says">
              <When at={new Date(span.from)} seconds /> {span.says}
            </span>
          </li>
        ))}
      </ol>
    </Panel>
  )
}
