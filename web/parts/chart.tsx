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
  /** How a value is written, on the axis and under the cursor. */
  format?: (value: number) => string
}
export type ChartSeries = {
  label: string
  kind?: 'line' | 'bars' | 'points'
  look?: 'main' | 'good' | 'bad' | 'missed' | 'quiet'
}

/** A chart over time, in the colours of the theme; it follows the width of its place and the theme. */
export function Chart({ label, data, series, height = 180, format = String }: ChartProps) {
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const form = JSON.stringify(series) + height
  useEffect(() => {
    const element = box.current
    if (!element) return undefined
    const draw = () => {
      plot.current?.destroy()
      plot.current = new uPlot(optionsOf(element, { series, height, format }), data, element)
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
  { series, height, format }: Pick<Required<ChartProps>, 'series' | 'height' | 'format'>,
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
    axes: [
      { ...axis, values: (_: uPlot, at: number[]) => at.map(timeText(at)) },
      { ...axis, size: 64, values: (_: uPlot, values: number[]) => values.map(format) },
    ],
    series: [
      {
        label: 'at',
        value: (_: uPlot, at: number | null) => (at === null ? '–' : instantText(new Date(at * 1000))),
      },
      ...series.map((one) => seriesOf(one, colour, format)),
    ],
  } satisfies uPlot.Options
}

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
      paths: uPlot.paths.bars?.({ size: [0.7, 40] }) ?? null,
    } as uPlot.Series
  if (kind === 'points')
    return { ...usual, paths: () => null, points: { show: true, size: 7, fill: stroke, stroke } }
  return { ...usual, points: { show: false } }
}
