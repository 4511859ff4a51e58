import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { call } from '../api.ts'
import { useLoad } from '../load.ts'
import { ErrorNotice } from '../parts/notice.tsx'
import { Panel } from '../parts/panel.tsx'
import type { Look } from '../parts/verdict.tsx'
import { query, setQuery } from '../router.ts'
import type { JobDay } from '../types.ts'
import { DaySlots } from './day.tsx'
import { lookOfDay, sumOfDay, weeksUpTo } from './days.ts'

const gap = 3
const least = 14
const most = 18

/** The year as a field of days, each as its worst verdict; a day opens its slots. */
export function Year({ jobId }: { jobId: string }) {
  const box = useRef<HTMLDivElement>(null)
  const { weeks, step } = useRoom(box)
  const { data, error } = useLoad(() => call<{ days: JobDay[] }>('GET', `/api/jobs/${jobId}/days`), [jobId])
  const days = new Map((data?.days ?? []).map((day) => [day.day, day]))
  const chosen = query.value.get('day')
  return (
    <Panel title="The year" note="UTC days">
      <ErrorNotice error={error} />
      <div ref={box}>
        <Field days={days} weeks={weeksUpTo(new Date(), weeks)} step={step} chosen={chosen} />
      </div>
      <Legend />
      {chosen && <DaySlots key={chosen} jobId={jobId} day={chosen} sums={days.get(chosen)} />}
    </Panel>
  )
}

type FieldProps = { days: Map<string, JobDay>; weeks: string[][]; step: number; chosen: string | null }

function Field({ days, weeks, step, chosen }: FieldProps) {
  const all = weeks.flat()
  const [active, setActive] = useState(all.length - 1)
  const field = useRef<SVGSVGElement>(null)
  useEffect(() => setActive(all.length - 1), [all.length])
  const move = (event: KeyboardEvent) => {
    const by = { ArrowUp: -1, ArrowDown: 1, ArrowLeft: -7, ArrowRight: 7 }[event.key]
    const day = all[active]
    if (by === undefined && event.key !== 'Enter' && event.key !== ' ') return
    event.preventDefault()
    event.stopPropagation()
    if (by === undefined) return setQuery({ day: day === chosen ? null : (day ?? null) })
    const next = Math.max(0, Math.min(all.length - 1, active + by))
    setActive(next)
    field.current?.querySelectorAll<SVGElement>('[role=button]')[next]?.focus()
  }
  return (
    <svg
      ref={field}
      class="year"
      width={weeks.length * step + 4}
      height={7 * step + 20}
      role="group"
      aria-label="Days; arrows move, Enter opens the slots of a day"
      onKeyDown={move}
    >
      {weeks.map((week, x) => {
        const first = week.find((day) => day.endsWith('-01'))
        return (
          first && (
            <text key={first} x={x * step + 2} y={10}>
              {new Intl.DateTimeFormat(navigator.language, { month: 'short', timeZone: 'UTC' }).format(
                new Date(first),
              )}
            </text>
          )
        )
      })}
      {weeks.map((week, x) =>
        week.map((day, y) => {
          const place = x * 7 + y
          const found = days.get(day)
          return (
            <g
              key={day}
              role="button"
              tabindex={place === active ? 0 : -1}
              aria-pressed={day === chosen}
              aria-label={`${day}: ${sumOfDay(found)}`}
              class={`bar ${lookOfDay(found)}${day === chosen ? ' chosen' : ''}`}
              transform={`translate(${x * step + 2} ${y * step + 16})`}
              onClick={() => {
                setActive(place)
                setQuery({ day: day === chosen ? null : day })
              }}
            >
              <title>{`${day}: ${sumOfDay(found)}`}</title>
              <Cell look={lookOfDay(found)} size={step - gap} />
            </g>
          )
        }),
      )}
    </svg>
  )
}

/** A day in its colour, with a form of its own for what is worth a look. */
function Cell({ look, size }: { look: Look; size: number }) {
  return (
    <>
      <rect class="cell" width={size} height={size} rx="2.5" />
      <g transform={`translate(${(size - 11) / 2} ${(size - 11) / 2})`}>
        {look === 'bad' && <path class="cut" d="M3 3 8 8 M8 3 3 8" />}
        {look === 'torn' && <path class="cut" d="M5.5 2 5.5 6 M5.5 8 5.5 9" />}
        {look === 'skipped' && <path class="cut" d="M2.5 5.5 8.5 5.5" />}
      </g>
    </>
  )
}

const legend: readonly [Look, string][] = [
  ['good', 'all ran'],
  ['bad', 'one failed'],
  ['torn', 'one interrupted'],
  ['missed', 'one missed'],
  ['skipped', 'skipped'],
]

function Legend() {
  return (
    <ul class="legend">
      {legend.map(([look, word]) => (
        <li key={look}>
          <svg class={`bar ${look}`} width="12" height="12" aria-hidden="true">
            <Cell look={look} size={11} />
          </svg>
          {word}
        </li>
      ))}
    </ul>
  )
}

/** As many weeks as fit, 53 at most, and how far apart they are. */
function useRoom(box: { current: HTMLElement | null }): { weeks: number; step: number } {
  const [width, set] = useState(53 * least)
  useLayoutEffect(() => {
    const element = box.current
    if (!element) return undefined
    const fit = () => set(Math.max(4 * least, element.clientWidth - 4))
    fit()
    const resized = new ResizeObserver(fit)
    resized.observe(element)
    return () => resized.disconnect()
  }, [])
  const weeks = Math.max(4, Math.min(53, Math.floor(width / least)))
  return { weeks, step: Math.min(most, Math.floor(width / weeks)) }
}
