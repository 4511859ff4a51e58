import { instantText } from './when.tsx'
import { counted } from './count.ts'
import { type Look, lookOf, verdictWord } from './verdict.tsx'

export type StripItem = { slot: string; verdict: string; reason?: string | null }

const wide = 6
const high = 20

/** The last slots as a row of bars, oldest first: height and form say what the colour says. */
export function Strip({ items, most = 30 }: { items: readonly StripItem[]; most?: number }) {
  const shown = items.slice(-most)
  const width = most * wide
  const first = most - shown.length
  return (
    <svg
      class="strip"
      viewBox={`0 0 ${width} ${high}`}
      width={width}
      height={high}
      role="img"
      aria-label={said(shown)}
    >
      {Array.from({ length: first }, (_, index) => (
        <rect
          key={`none${index}`}
          class="bar none"
          x={index * wide + 1}
          y={high - 2}
          width={wide - 2}
          height={2}
        />
      ))}
      {shown.map((item, index) => (
        <Bar key={item.slot} item={item} x={(first + index) * wide} />
      ))}
    </svg>
  )
}

function Bar({ item, x }: { item: StripItem; x: number }) {
  const look = lookOf(item.verdict)
  const tall = heights[look]
  return (
    <g class={`bar ${look}`}>
      <title>{`${instantText(item.slot)}: ${verdictWord(item.verdict)}${item.reason ? ` (${item.reason})` : ''}`}</title>
      <rect x={x + 1} y={high - tall} width={wide - 2} height={tall} rx={1} />
      {look === 'bad' && <rect class="notch" x={x + 1} y={7} width={wide - 2} height={2} />}
      {look === 'torn' && <rect class="notch" x={x + 1} y={12} width={wide - 2} height={3} />}
    </g>
  )
}

const heights: Record<Look, number> = {
  good: 14,
  bad: 20,
  torn: 20,
  missed: 18,
  skipped: 8,
  cancelled: 4,
  live: 11,
  due: 6,
  none: 2,
}

function said(items: readonly StripItem[]): string {
  if (items.length === 0) return 'no slots yet'
  const counts = Map.groupBy(items, ({ verdict }) => verdictWord(verdict))
  const parts = [...counts].map(([verdict, some]) => `${some.length} ${verdict}`)
  return `last ${counted(items.length, 'slot')}: ${parts.join(', ')}`
}
