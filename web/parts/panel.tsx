import type { ComponentChildren } from 'preact'
import { useId } from 'preact/hooks'

type PanelProps = {
  title: ComponentChildren
  /** Beside the title, such as a count. */
  note?: ComponentChildren
  actions?: ComponentChildren
  children?: ComponentChildren
  /** Its content goes to the edges, as that of a table. */
  flush?: boolean
}

/** A part of a page with a heading. */
export function Panel({ title, note, actions, children, flush = false }: PanelProps) {
  const id = useId()
  return (
    <section class={flush ? 'panel flush' : 'panel'} aria-labelledby={id}>
      <header>
        <h2 id={id}>{title}</h2>
        {note && <span class="note">{note}</span>}
        {actions && <div class="actions">{actions}</div>}
      </header>
      {children}
    </section>
  )
}

/** The head of a page: what it is, and what can be done here. */
export function PageHead({ title, note, actions }: Pick<PanelProps, 'title' | 'note' | 'actions'>) {
  return (
    <header class="page-head">
      <div>
        <h1>{title}</h1>
        {note && <p class="note">{note}</p>}
      </div>
      {actions && <div class="actions">{actions}</div>}
    </header>
  )
}

/** Names and values, as a list of descriptions. Rows whose value is null are left out. */
export function Facts({ rows }: { rows: readonly (readonly [name: string, value: ComponentChildren])[] }) {
  return (
    <dl class="facts">
      {rows
        .filter(([, value]) => value !== null && value !== undefined)
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  )
}
