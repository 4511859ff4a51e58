import type { ComponentChildren } from 'preact'
import { go, kept } from '../router.ts'

type LinkProps = {
  href: string
  children?: ComponentChildren
  class?: string
  title?: string
  'aria-current'?: 'page' | undefined
  'aria-label'?: string
}

/** A link inside of the page: an ordinary one for the middle button, for a new tab and without a mouse. */
export function Link({ href, children, ...rest }: LinkProps) {
  const follow = (event: MouseEvent) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    event.preventDefault()
    go(href)
  }
  return (
    <a {...rest} href={kept(href)} onClick={follow}>
      {children}
    </a>
  )
}
