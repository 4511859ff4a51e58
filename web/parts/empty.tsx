import type { ComponentChildren } from 'preact'

/** A place with nothing in it, which says what would be there and how it gets there. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="title">{title}</p>
      {children && <div class="teaches">{children}</div>}
    </div>
  )
}
