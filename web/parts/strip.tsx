import { instantText } from './when.tsx'
import { counted } from './count.ts'
import { type Look, lookOf, verdictWord } from './verdict.tsx'

export type StripItem = { slot: string; verdict: string; reason?: string | null }

const wide = 6
const high = 20

/**
 * The last slots as a row of bars, oldest first: height and form say what the colour says. All bars of a look are one path,
 * because a long table has thousands of them.
 */
export function Strip({ items, most = 30 }: { items: readonly StripItem[]; most?: number }) {
  const shown = items.slice(-most)
  const width = most * wide
  const first = most - shown.length
  const paths = pathsOf(shown, first)
  /** What the bar under the pointer stands for. */
  const point = (event: PointerEvent) => {
    const box = event.currentTarget as SVGSVGElement
    const item = shown[Math.floor(((event.offsetX / box.clientWidth) * width) / wide) - first]
    const title = box.querySelector('title')
    if (title) title.textContent = item ? titleOf(item) : ''
  }
  return (
    <svg
      class="strip"
      viewBox={`0 0 ${width} ${high}`}
      width={width}
      height={high}
      role="img"
      aria-label={said(shown)}
      onPointerMove={point}
    >
      <title />
      {[...paths].map(([look, path]) => (
        <path key={look} class={`bar ${look}`} d={path} />
      ))}
    </svg>
  )
}

function pathsOf(shown: readonly StripItem[], first: number): Map<Look, string> {
  const paths = new Map<Look, string>()
  const draw = (look: Look, index: number) => {
    const x = index * wide + 1
    const bars = partsOf[look].map(([top, bottom]) => `M${x} ${top}h${wide - 2}V${bottom}h${2 - wide}Z`)
    paths.set(look, (paths.get(look) ?? '') + bars.join(''))
  }
  for (let index = 0; index < first; index++) draw('none', index)
  for (const [index, { verdict }] of shown.entries()) draw(lookOf(verdict), first + index)
  return paths
}

const titleOf = ({ slot, verdict, reason }: StripItem) =>
  `${instantText(slot)}: ${verdictWord(verdict)}${reason ? ` (${reason})` : ''}`

type Part = readonly [top: number, bottom: number]

/** The parts of a bar, from where to where: a failure is split high, an interruption low. */
const partsOf: Record<Look, readonly Part[]> = {
  good: [[6, high]],
  bad: [
    [0, 7],
    [9, high],
  ],
  torn: [
    [0, 12],
    [15, high],
  ],
  missed: [[2, high - 0.5]],
  skipped: [[12, high]],
  cancelled: [[16, high]],
  live: [[9, high]],
  due: [[14, high - 0.5]],
  none: [[18, high]],
}

function said(items: readonly StripItem[]): string {
  if (items.length === 0) return 'no slots yet'
  const counts = Map.groupBy(items, ({ verdict }) => verdictWord(verdict))
  const parts = [...counts].map(([verdict, some]) => `${some.length} ${verdict}`)
  return `last ${counted(items.length, 'slot')}: ${parts.join(', ')}`
}
