import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import { classOf, type Column, type RowActs, RowView } from './table-row.tsx'

export type { Column } from './table-row.tsx'

export type Sort = { by: string; descending: boolean }

export type TableProps<Row> = {
  label: string
  rows: readonly Row[]
  columns: readonly Column<Row>[]
  rowKey: (row: Row) => string
  /** All rows are this high, in pixels, so that only those in view are in the page. */
  rowHeight?: number
  /** Enter, or a click into the row. */
  onOpen?: (row: Row) => void
  sort?: Sort
  onSort?: (sort: Sort) => void
  /** Rows can be chosen, with x or by their box. */
  chosen?: ReadonlySet<string>
  onChoose?: (chosen: Set<string>) => void
  /** The end is near: more rows are wanted. */
  onEnd?: () => void
  /** How many rows there are in all, if that is known; for screen readers. */
  total?: number
}

const ahead = 8

/**
 * A table whose rows scroll with the page, of which only those in view exist. j/k and the arrows move along the rows,
 * Enter opens one, x chooses it.
 */
export function Table<Row>(props: TableProps<Row>) {
  const { rows, rowKey, rowHeight = 44, onOpen, chosen, onChoose, onEnd } = props
  const columns = useRoomFor(props.columns)
  const body = useRef<HTMLDivElement>(null)
  const [from, to] = useVisible(body, rows.length, rowHeight)
  const [active, setActive] = useState(0)
  const at = Math.min(active, Math.max(0, rows.length - 1))
  const isNearEnd = to >= rows.length - ahead
  useEffect(() => {
    if (isNearEnd && rows.length > 0) onEnd?.()
  }, [isNearEnd, rows.length])

  const move = (index: number) => {
    const next = Math.max(0, Math.min(rows.length - 1, index))
    setActive(next)
    focusRow(body.current, next, rowHeight)
  }
  const choose = (row: Row) => {
    const next = new Set(chosen)
    const key = rowKey(row)
    if (!next.delete(key)) next.add(key)
    onChoose?.(next)
  }
  const pressed = (event: KeyboardEvent) => {
    const row = rows[at]
    if (event.ctrlKey || event.metaKey || event.altKey || !row) return
    const isOnRow = (event.target as HTMLElement).role === 'row'
    const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key]
    if (step !== undefined) move(at + step)
    else if (event.key === 'Home' && isOnRow) move(0)
    else if (event.key === 'End' && isOnRow) move(rows.length - 1)
    else if (event.key === 'Enter' && isOnRow) onOpen?.(row)
    else if (event.key === 'x' && onChoose) choose(row)
    else return
    event.preventDefault()
    event.stopPropagation()
  }
  const template = [onChoose ? '18px' : '', ...columns.map(({ width }) => width ?? 'minmax(0, 1fr)')].join(
    ' ',
  )
  const slice = rows.slice(from, to)
  // the same for every row and all the time, so that a row is drawn again only if something of its own is new
  const acts = useRef<RowActs<Row>>({ choose, setActive })
  Object.assign(acts.current, { onOpen, choose, setActive })
  return (
    <div
      class="table"
      role="table"
      aria-label={props.label}
      aria-rowcount={(props.total ?? rows.length) + 1}
      onKeyDown={pressed}
      ref={(element) => element?.style.setProperty('--tracks', template)}
    >
      <Head {...props} columns={columns} />
      <div role="rowgroup" class="body" ref={body} style={{ height: `${rows.length * rowHeight}px` }}>
        {slice.map((row, index) => {
          const place = from + index
          const key = rowKey(row)
          return (
            <RowView
              key={key}
              row={row}
              place={place}
              columns={columns}
              rowHeight={rowHeight}
              isActive={place === at}
              isChosen={onChoose ? chosen?.has(key) === true : null}
              opens={onOpen !== undefined}
              acts={acts.current}
            />
          )
        })}
      </div>
    </div>
  )
}

function Head<Row>({ rows, columns, rowKey, sort, onSort, chosen, onChoose }: TableProps<Row>) {
  const isAll = rows.length > 0 && rows.every((row) => chosen?.has(rowKey(row)))
  return (
    <div role="rowgroup" class="head">
      <div role="row" class="row" aria-rowindex={1}>
        {onChoose && (
          <span role="columnheader" class="choose">
            <input
              type="checkbox"
              aria-label="Choose all that are shown"
              checked={isAll}
              onChange={() => onChoose(new Set(isAll ? [] : rows.map(rowKey)))}
            />
          </span>
        )}
        {columns.map((column) => {
          const isSorted = sort?.by === column.key
          const order = isSorted ? (sort.descending ? 'descending' : 'ascending') : undefined
          return (
            <span key={column.key} role="columnheader" class={classOf(column)} aria-sort={order}>
              {column.sorts && onSort ? (
                <button
                  type="button"
                  class="sorts"
                  onClick={() => onSort({ by: column.key, descending: isSorted ? !sort.descending : false })}
                >
                  {column.title}
                  <i aria-hidden="true">{isSorted ? (sort.descending ? '↓' : '↑') : ''}</i>
                </button>
              ) : (
                column.title
              )}
            </span>
          )
        })}
      </div>
    </div>
  )
}

const widths = { phone: 0, tablet: 821, desk: 1100 }

/** The columns that the window has room for. */
function useRoomFor<Row>(columns: readonly Column<Row>[]): readonly Column<Row>[] {
  const [width, setWidth] = useState(innerWidth)
  useEffect(() => {
    const resized = () => setWidth(innerWidth)
    addEventListener('resize', resized)
    return () => removeEventListener('resize', resized)
  }, [])
  return useMemo(() => columns.filter(({ from = 'phone' }) => width >= widths[from]), [columns, width])
}

/** The rows that the window shows, with some before and after them: inclusive, exclusive. */
function useVisible(
  body: { current: HTMLElement | null },
  count: number,
  rowHeight: number,
): [number, number] {
  const [range, set] = useState<[number, number]>([0, Math.min(count, 40)])
  useLayoutEffect(() => {
    const look = () => {
      const top = body.current?.getBoundingClientRect().top ?? 0
      const from = Math.max(0, Math.floor(-top / rowHeight) - ahead)
      const to = Math.min(count, Math.ceil((innerHeight - top) / rowHeight) + ahead)
      set((now) => (now[0] === from && now[1] === to ? now : [from, Math.max(from, to)]))
    }
    look()
    addEventListener('scroll', look, { passive: true })
    addEventListener('resize', look)
    return () => {
      removeEventListener('scroll', look)
      removeEventListener('resize', look)
    }
  }, [count, rowHeight])
  return range
}

/** Scrolls the row into view if it is not there, and gives it the focus as soon as it exists. */
function focusRow(body: HTMLElement | null, index: number, rowHeight: number): void {
  if (!body) return
  const top = body.getBoundingClientRect().top + index * rowHeight
  const room = 96
  if (top < room) scrollBy({ top: top - room })
  else if (top + rowHeight > innerHeight - 16) scrollBy({ top: top + rowHeight - innerHeight + 16 })
  requestAnimationFrame(() =>
    requestAnimationFrame(() =>
      body.querySelector<HTMLElement>(`[data-row="${index}"]`)?.focus({ preventScroll: true }),
    ),
  )
}
