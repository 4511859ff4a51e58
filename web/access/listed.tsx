import type { ComponentChildren } from 'preact'
import { Button } from '../parts/button.tsx'
import { ErrorNotice } from '../parts/notice.tsx'
import { Panel } from '../parts/panel.tsx'
import type { List } from './list.ts'

type ListedProps<Row> = {
  title: string
  list: List<Row>
  row: (row: Row) => ComponentChildren
  rowKey: (row: Row) => string
  /** What stands there as long as there is nothing. */
  empty: ComponentChildren
}

/** A list with what is known of it, what is wrong with it, and the way to its next page. */
export function Listed<Row>({ title, list, row, rowKey, empty }: ListedProps<Row>) {
  const { rows, error, reload, more } = list
  return (
    <Panel title={title} note={rows && rows.length > 0 ? `${rows.length}${more ? ' and more' : ''}` : null}>
      <ErrorNotice error={error} actions={<Button onPress={reload}>Try again</Button>} />
      {!rows && !error && <p class="loading">…</p>}
      {rows?.length === 0 && empty}
      {rows && rows.length > 0 && (
        <ul class="items">
          {rows.map((one) => (
            <li key={rowKey(one)}>{row(one)}</li>
          ))}
        </ul>
      )}
      {more && <Button onPress={more}>Show more</Button>}
    </Panel>
  )
}

/** What a form needs to send itself: the error of the last try, field by field. */
export function wrongIn(error: { detail: { errors?: readonly { path: string; message: string }[] } } | null) {
  return (field: string): string | null =>
    error?.detail.errors?.find(({ path }) => path === field || path.startsWith(`${field}.`))?.message ?? null
}
