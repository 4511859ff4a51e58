import { Component, type ComponentChildren } from 'preact'

export type Column<Row> = {
  key: string
  title: ComponentChildren
  cell: (row: Row) => ComponentChildren
  /** A track of CSS grid; by default the column takes its share of the width. */
  width?: string
  align?: 'end'
  /** Sorting by this column is offered. */
  sorts?: boolean
  /** From which width of the window the column is shown; always, by default. */
  from?: 'phone' | 'tablet' | 'desk'
}

/** What a row does: the same object for every row, whose members are those of the newest drawing. */
export type RowActs<Row> = {
  onOpen?: ((row: Row) => void) | undefined
  choose: (row: Row) => void
  setActive: (place: number) => void
}

type RowViewProps<Row> = {
  row: Row
  place: number
  columns: readonly Column<Row>[]
  rowHeight: number
  isActive: boolean
  /** Null: rows are not chosen here. */
  isChosen: boolean | null
  opens: boolean
  acts: RowActs<Row>
}

/** A row of a table, drawn again only if something of its own is new: a long table scrolls past many of them. */
export class RowView<Row> extends Component<RowViewProps<Row>> {
  override shouldComponentUpdate(next: RowViewProps<Row>): boolean {
    const names = Object.keys(next) as (keyof RowViewProps<Row>)[]
    return names.some((name) => next[name] !== this.props[name])
  }

  override render({ row, place, columns, rowHeight, isActive, isChosen, opens, acts }: RowViewProps<Row>) {
    return (
      <div
        role="row"
        class={opens ? 'row opens' : 'row'}
        data-row={place}
        aria-rowindex={place + 2}
        aria-selected={isChosen ?? undefined}
        tabIndex={isActive ? 0 : -1}
        style={{ height: `${rowHeight}px`, transform: `translateY(${place * rowHeight}px)` }}
        onFocus={() => acts.setActive(place)}
        onClick={(event) => {
          if (!(event.target as HTMLElement).closest('a,button,input,label')) acts.onOpen?.(row)
        }}
      >
        {isChosen !== null && (
          <span role="cell" class="choose">
            <input
              type="checkbox"
              tabIndex={-1}
              aria-label="Choose"
              checked={isChosen}
              onChange={() => acts.choose(row)}
            />
          </span>
        )}
        {columns.map((column) => (
          <span key={column.key} role="cell" class={classOf(column)}>
            {column.cell(row)}
          </span>
        ))}
      </div>
    )
  }
}

export const classOf = ({ align }: { align?: 'end' }) => (align === 'end' ? 'end' : undefined)
