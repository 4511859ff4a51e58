import type { ComponentChildren } from 'preact'

export type Difference = { name: string; before: unknown; after: unknown }

type DifferencesProps = {
  title: string
  changes: readonly Difference[]
  nothing: string
  /** More of what changes, below. */
  children?: ComponentChildren
}

/** Fields before and after; `nothing` is said of a value that is not there. */
export function Differences({ title, changes, nothing, children }: DifferencesProps) {
  return (
    <section class="changes" aria-label={title}>
      <h3>{title}</h3>
      <dl>
        {changes.map(({ name, before, after }) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <del>{short(before, nothing)}</del> <ins>{short(after, nothing)}</ins>
            </dd>
          </div>
        ))}
      </dl>
      {children}
    </section>
  )
}

const most = 400

function short(value: unknown, nothing: string): string {
  if (value === undefined || value === null) return nothing
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.length > most ? `${text.slice(0, most)}…` : text
}
