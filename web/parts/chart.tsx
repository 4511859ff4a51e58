import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import { instantText } from './when.tsx'

export type ChartProps = {
  /** Read out in place of the picture. */
  label: string
  /** Seconds since 1970 first, then one list for each series; null: no value. */
  data: uPlot.AlignedData
  series: readonly ChartSeries[]
  height?: number
  /** The instants are begins of UTC days: the axis names days alone, and each has its own width. */
  isDaily?: boolean
  /** Values are milliseconds: the axis has marks at whole seconds, minutes, hours. */
  isTime?: boolean
  /** How a value is written, on the axis and under the cursor. */
  format?: (value: number) => string
}
export type ChartSeries = {
  label: string
  kind?: 'line' | 'bars' | 'points'
  look?: 'main' | 'good' | 'bad' | 'missed' | 'quiet'
}

/** A chart over time, in the colours of the theme; it follows the width of its place and the theme. */
export function Chart(props: ChartProps) {
  const { label, data, series, height = 180, isDaily = false, isTime = false, format = String } = props
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const form = JSON.stringify(series) + height
  useEffect(() => {
    const element = box.current
    if (!element) return undefined
    const draw = () => {
      plot.current?.destroy()
      plot.current = new uPlot(optionsOf(element, { series, height, isDaily, isTime, format }), data, element)
    }
    draw()
    const resized = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height }))
    resized.observe(element)
    const theme = matchMedia('(prefers-color-scheme: dark)')
    theme.addEventListener('change', draw)
    return () => {
      theme.removeEventListener('change', draw)
      resized.disconnect()
      plot.current?.destroy()
      plot.current = null
    }
  }, [form])
  useEffect(() => plot.current?.setData(data), [data])
  return <div class="chart" ref={box} role="img" aria-label={label} />
}

function optionsOf(
  element: HTMLElement,
  { series, height, isDaily, isTime, format }: Omit<Required<ChartProps>, 'label' | 'data'>,
) {
  const style = getComputedStyle(element)
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim()
  const axis = {
    stroke: colour('ink-quiet'),
    grid: { stroke: colour('edge'), width: 1 },
    ticks: { show: false },
    font: '11px system-ui',
  }
  return {
    width: element.clientWidth,
    height,
    cursor: { y: false, points: { size: 6 } },
    legend: { live: true },
    scales: {
      x: { range: (_: uPlot, min: number, max: number) => withRoom(min, max, isDaily) },
      // from nothing on: a bar that begins elsewhere says something that is not so
      y: { range: (_: uPlot, _min: number, max: number): [number, number] => [0, (max || 1) * 1.08] },
    },
    axes: [
      isDaily
        ? { ...axis, incrs: dailySteps, splits: daysIn, values: (_: uPlot, at: number[]) => at.map(dayText) }
        : { ...axis, values: (_: uPlot, at: number[]) => at.map(timeText(at)) },
      {
        ...axis,
        size: 64,
        ...(isTime ? { incrs: timeSteps } : {}),
        values: (_: uPlot, values: number[]) => values.map((value) => (value === 0 ? '0' : format(value))),
      },
    ],
    series: [
      {
        label: 'at',
        value: (_: uPlot, at: number | null) =>
          at === null ? '–' : isDaily ? dayText(at) : instantText(new Date(at * 1000)),
      },
      ...series.map((one) => seriesOf(one, colour, format)),
    ],
  } satisfies uPlot.Options
}

const daySeconds = 86_400
const dailySteps = [1, 2, 7, 14, 28, 91].map((days) => days * daySeconds)

const [second, minute, hour] = [1_000, 60_000, 3_600_000]
const timeSteps = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30].map((many) => many * second),
  ...[1, 2, 5, 10, 15, 30].map((many) => many * minute),
  ...[1, 2, 3, 6, 12, 24, 48, 120, 240, 720].map((many) => many * hour),
]

/** Half a day beside the first and the last day; half an hour, where one instant is all there is. */
function withRoom(min: number, max: number, isDaily: boolean): [number, number] {
  const room = isDaily ? daySeconds / 2 : min === max ? 1_800 : 0
  return [min - room, max + room]
}

function daysIn(_: uPlot, _axis: number, min: number, max: number, step: number): number[] {
  const first = Math.ceil(min / daySeconds) * daySeconds
  return Array.from({ length: Math.floor((max - first) / step) + 1 }, (_none, index) => first + index * step)
}

const dayFormat = new Intl.DateTimeFormat(navigator.language, {
  day: 'numeric',
  month: 'short',
  timeZone: 'UTC',
})
const dayText = (at: number): string => dayFormat.format(at * 1000)

/** Days, or the time of the day where the marks are closer than one. */
function timeText(marks: readonly number[]): (at: number) => string {
  const isClose = (marks[1] ?? Infinity) - (marks[0] ?? 0) < 86_400
  const format = new Intl.DateTimeFormat(
    navigator.language,
    isClose ? { hour: '2-digit', minute: '2-digit' } : { day: 'numeric', month: 'short' },
  )
  return (at) => format.format(at * 1000)
}

function seriesOf(
  { label, kind = 'line', look = 'main' }: ChartSeries,
  colour: (name: string) => string,
  format: (value: number) => string,
): uPlot.Series {
  const stroke = colour(
    { main: 'accent', good: 'good', bad: 'bad', missed: 'missed', quiet: 'ink-quiet' }[look],
  )
  const value = (_: uPlot, raw: number | null) => (raw === null ? '–' : format(raw))
  const usual = { label, stroke, value, width: 1.5 }
  if (kind === 'bars')
    return {
      ...usual,
      fill: stroke,
      width: 0,
      points: { show: false },
      paths: uPlot.paths.bars?.({ size: [0.7, 40] }) ?? null,
    } as uPlot.Series
  if (kind === 'points')
    return { ...usual, paths: () => null, points: { show: true, size: 7, fill: stroke, stroke } }
  // a line of one value would not be seen
  return {
    ...usual,
    points: { show: (plot: uPlot) => (plot.data[0]?.length ?? 0) < 2, size: 7, fill: stroke },
  }
}
