import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'

const rowHeight = 20
const ahead = 20
/** Room for the bar that scrolls to the side, and for the edges. */
const barHeight = 18
/** A longer line is cut in the view (not in what is copied): laying it out would stall the page. */
const longest = 4_000

type RowsProps = {
  lines: readonly string[]
  /** Marked wherever it stands. */
  wanted: string
  /** The line of the match that is looked at. */
  current: number | null
  follows: boolean
  /** Lines come while it is looked at: its place is as high as it may become, so that nothing under it moves. */
  grows: boolean
  /** Its reader scrolled up: the newest line is not wanted in view any more. */
  onScrollAway: () => void
}

/** The lines of a log, of which only those in view are in the page. */
export function LogRows({ lines, wanted, current, follows, grows, onScrollAway }: RowsProps) {
  const box = useRef<HTMLDivElement>(null)
  const [top, setTop] = useState(0)
  const height = box.current?.clientHeight ?? 480
  const from = Math.max(0, Math.floor(top / rowHeight) - ahead)
  const to = Math.min(lines.length, Math.ceil((top + height) / rowHeight) + ahead)
  const seen = useRef(0)
  useLayoutEffect(() => {
    const element = box.current
    if (follows && element) element.scrollTop = element.scrollHeight
  }, [follows, lines])
  useEffect(() => {
    const element = box.current
    if (current === null || !element) return
    const place = current * rowHeight
    const isInView =
      place >= element.scrollTop && place + rowHeight <= element.scrollTop + element.clientHeight
    if (!isInView) element.scrollTop = place - element.clientHeight / 2
  }, [current])
  const scrolled = () => {
    const element = box.current
    if (!element) return
    if (element.scrollTop < seen.current && follows) onScrollAway()
    seen.current = element.scrollTop
    setTop(element.scrollTop)
  }
  return (
    <div
      class="log"
      role="region"
      aria-label="Lines of the log"
      tabIndex={0}
      ref={box}
      style={grows ? undefined : { '--lines': `${lines.length * rowHeight + barHeight}px` }}
      onScroll={scrolled}
    >
      <div class="log-body" style={{ height: `${lines.length * rowHeight}px` }}>
        <div style={{ transform: `translateY(${from * rowHeight}px)` }}>
          {lines.slice(from, to).map((line, index) => (
            <div key={from + index} class={from + index === current ? 'line current' : 'line'}>
              <span class="line-number" aria-hidden="true">
                {from + index + 1}
              </span>
              <Marked line={line.length > longest ? `${line.slice(0, longest)} …` : line} wanted={wanted} />
            </div>
          ))}
        </div>
      </div>
    </div>
  )
}

function Marked({ line, wanted }: { line: string; wanted: string }) {
  if (wanted === '') return <span>{line}</span>
  const small = line.toLowerCase()
  const parts = []
  let done = 0
  for (let hit = small.indexOf(wanted.toLowerCase()); hit !== -1; ) {
    parts.push(line.slice(done, hit), <mark key={hit}>{line.slice(hit, hit + wanted.length)}</mark>)
    done = hit + wanted.length
    hit = small.indexOf(wanted.toLowerCase(), done)
  }
  return (
    <span>
      {parts}
      {line.slice(done)}
    </span>
  )
}
