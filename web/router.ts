import { computed, signal } from '@preact/signals'

const place = signal(new URL(location.href))
/** The path of the address bar, and its query: filters are in it, so that each view can be linked to. */
export const path = computed(() => place.value.pathname)
export const query = computed(() => place.value.searchParams)

const sync = () => {
  place.value = new URL(location.href)
}
addEventListener('popstate', sync)

/** The same address, with the project that is looked at: every place of the page keeps it. */
export function kept(url: string): string {
  const project = place.value.searchParams.get('project')
  if (project === null || /[?&]project=/.test(url)) return url
  return `${url}${url.includes('?') ? '&' : '?'}project=${encodeURIComponent(project)}`
}

type Going = {
  /** What the Back button should not stop at, such as a filter. */
  replace?: boolean
  /** Looked at from now on; null: all of them. By default it stays as it is. */
  project?: string | null
}

/** Goes to an address of this page. */
export function go(to: string, { replace = false, project }: Going = {}): void {
  const from = place.value.pathname
  const url = project === undefined ? kept(to) : to
  if (replace) history.replaceState(null, '', url)
  else history.pushState(null, '', url)
  sync()
  if (place.value.pathname === from) return
  scrollTo(0, 0)
  // what a screen reader reads after a change of the page
  queueMicrotask(() => document.querySelector<HTMLElement>('main')?.focus({ preventScroll: true }))
}

/** Sets filters in the query, and drops those that are empty. */
export function setQuery(changes: Record<string, string | null | undefined>): void {
  const next = new URLSearchParams(place.value.searchParams)
  for (const [name, value] of Object.entries(changes)) {
    if (value) next.set(name, value)
    else next.delete(name)
  }
  const text = next.toString()
  go(place.value.pathname + (text ? `?${text}` : ''), { replace: true })
}

/** `/jobs/{id}` against a path: its parameters, or null. */
export function match(pattern: string, at: string): Record<string, string> | null {
  const wanted = pattern.split('/')
  const given = at.replace(/(.)\/$/, '$1').split('/')
  if (wanted.length !== given.length) return null
  const params: Record<string, string> = {}
  for (const [index, part] of wanted.entries()) {
    const value = given[index] ?? ''
    if (part.startsWith('{')) params[part.slice(1, -1)] = decodeURIComponent(value)
    else if (part !== value) return null
  }
  return params
}
