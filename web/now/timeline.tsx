import { Link } from '../parts/link.tsx'
import { countText, nounFor } from '../parts/count.ts'
import { Verdict } from '../parts/verdict.tsx'
import { Whose } from '../parts/whose.tsx'
import { durationText, instantText } from '../parts/when.tsx'
import type { Lane, Timeline as Window } from '../types.ts'

type Span = { from: number; to: number }

/**
 * The hours to come, a lane for each job: a tick for each slot, as wide as the run is expected to take, those that meet
 * the slot before marked, and clock changes as a line.
 */
export function Timeline({ window }: { window: Window }) {
  const span = { from: Date.parse(window.from), to: Date.parse(window.to) }
  return (
    <div class="timeline">
      <Hours span={span} />
      <ul>
        {window.lanes.map((lane) => (
          <LaneRow key={lane.job_id} lane={lane} span={span} />
        ))}
      </ul>
      {window.more && (
        <p class="note">
          More jobs wake in this window: <Link href="/jobs?sort=next">all jobs by their next run</Link>
        </p>
      )}
    </div>
  )
}

function LaneRow({ lane, span }: { lane: Lane; span: Span }) {
  const live = lane.live[0]
  return (
    <li class="lane">
      <div class="name">
        <Link href={`/jobs/${lane.job_id}`}>{lane.name}</Link>
        <Whose project={lane.project} />
        {live && <Verdict verdict={live.state} />}
        {lane.owed && <Verdict verdict="missed" title="The timer service has not confirmed its wake-up" />}
      </div>
      <svg class="track" width="100%" height="26" role="img" aria-label={said(lane)}>
        <line class="ground" x1="0" x2="100%" y1="13" y2="13" />
        {hoursOf(span).map((at) => (
          <line key={at} class="hour" x1={share(at, span)} x2={share(at, span)} y1="0" y2="26" />
        ))}
        {live && <Live lane={lane} startedAt={live.started_at} span={span} />}
        {lane.slots.map((slot) => (
          <Tick key={slot.at} slot={slot} lane={lane} span={span} />
        ))}
        {lane.clock_changes.map(({ at, from, to }) => (
          <g key={at} class="clock-change">
            <title>{`The clock of ${lane.timezone} changes from ${from} to ${to} at ${instantText(at)}`}</title>
            <line x1={share(Date.parse(at), span)} x2={share(Date.parse(at), span)} y1="1" y2="25" />
          </g>
        ))}
      </svg>
    </li>
  )
}

function Tick({ slot, lane, span }: { slot: Lane['slots'][number]; lane: Lane; span: Span }) {
  const at = Date.parse(slot.at)
  const wide = ((lane.expected_ms ?? 0) / (span.to - span.from)) * 100
  const takes = lane.expected_ms === null ? '' : `, usually ${durationText(lane.expected_ms)}`
  const meets = slot.overlaps ? '; the slot before is expected to be at work still' : ''
  const verdict = slot.verdict === 'ran' ? (slot.run_state ?? 'ran') : slot.verdict
  return (
    <g class={`tick ${slot.verdict}${slot.overlaps ? ' overlaps' : ''}`}>
      <title>{`${lane.name}: ${instantText(slot.at)}, ${verdict}${takes}${meets}`}</title>
      {wide > 0.1 && <rect class="length" x={share(at, span)} y="7" width={`${wide}%`} height="12" rx="2" />}
      <rect class="at" x={share(at, span)} y="5" width="3" height="16" rx="1.5" />
      {slot.overlaps && (
        <svg x={share(at, span)} overflow="visible">
          <path class="mark" d="M-3 0 6 0 1.5 4Z" />
        </svg>
      )}
    </g>
  )
}

/** A run that is at work, up to where it is expected to end. */
function Live({ lane, startedAt, span }: { lane: Lane; startedAt: string | null; span: Span }) {
  const endsAt = (startedAt ? Date.parse(startedAt) : span.from) + (lane.expected_ms ?? 0)
  const wide = Math.max(0.4, ((endsAt - span.from) / (span.to - span.from)) * 100)
  return <rect class="at-work" x="0" y="8" width={`${wide.toFixed(3)}%`} height="10" rx="2" />
}

const hourMs = 3_600_000

/** Every third full hour of the reader's clock. */
function hoursOf({ from, to }: Span): number[] {
  const first = new Date(from)
  first.setMinutes(0, 0, 0)
  const hours: number[] = []
  for (let at = first.getTime() + hourMs; at < to; at += hourMs)
    if (new Date(at).getHours() % 3 === 0) hours.push(at)
  return hours
}

function Hours({ span }: { span: Span }) {
  const format = new Intl.DateTimeFormat(navigator.language, { hour: '2-digit', minute: '2-digit' })
  return (
    <div class="hours" aria-hidden="true">
      <span class="name" />
      <svg class="track" width="100%" height="18">
        {hoursOf(span).map((at, index) => (
          <text key={at} x={share(at, span)} y="12" class={index % 2 ? 'odd' : undefined}>
            {format.format(at)}
          </text>
        ))}
      </svg>
    </div>
  )
}

function share(at: number, { from, to }: Span): string {
  return `${(((at - from) / (to - from)) * 100).toFixed(3)}%`
}

function said({ slots, expected_ms: ms, more }: Lane): string {
  const next = slots.find(({ verdict }) => verdict === 'planned')
  const count = `${countText(slots.length)}${more ? ' or more' : ''} ${nounFor(slots.length, 'slot')}`
  const overlaps = slots.filter((slot) => slot.overlaps).length
  return [
    count,
    next && `the next at ${instantText(next.at)}`,
    ms !== null && `each takes ${durationText(ms)}`,
    overlaps > 0 && `${overlaps} meet the one before`,
  ]
    .filter(Boolean)
    .join(', ')
}
