import type { ComponentChildren } from 'preact'
import type { ApiError } from '../api.ts'

type NoticeProps = {
  kind?: 'news' | 'good' | 'warning' | 'error'
  title?: ComponentChildren
  children?: ComponentChildren
  /** Buttons at its end. */
  actions?: ComponentChildren
}

const signs = { news: 'i', good: '✓', warning: '!', error: '×' }

/** Something to know, with a sign as well as a colour. An error is read out at once. */
export function Notice({ kind = 'news', title, children, actions }: NoticeProps) {
  return (
    <div class={`notice ${kind}`} role={kind === 'error' ? 'alert' : 'status'}>
      <span class="sign" aria-hidden="true">
        {signs[kind]}
      </span>
      <div class="says">
        {title && <strong>{title}</strong>}
        {children && <div>{children}</div>}
      </div>
      {actions && <div class="actions">{actions}</div>}
    </div>
  )
}

/** What an answer said is wrong, field by field; nothing while `error` is null. */
export function ErrorNotice({ error, actions }: { error: ApiError | null; actions?: ComponentChildren }) {
  if (!error) return null
  const fields = error.detail.errors ?? []
  return (
    <Notice kind="error" title={error.detail.title ?? 'That did not work'} actions={actions}>
      {fields.length > 1 ? (
        <ul>
          {fields.map(({ path, message }) => (
            <li key={path + message}>{message}</li>
          ))}
        </ul>
      ) : (
        error.message
      )}{' '}
      <code>{error.code}</code>
    </Notice>
  )
}
