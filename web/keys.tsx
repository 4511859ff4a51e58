import { useEffect, useState } from 'preact/hooks'
import { Dialog } from './parts/dialog.tsx'
import { go, path } from './router.ts'

const keys: readonly [key: string, does: string][] = [
  ['?', 'Show these keys'],
  ['/', 'Search jobs'],
  ['j ↓', 'Next row'],
  ['k ↑', 'Row before'],
  ['Enter', 'Open the row'],
  ['x', 'Choose the row'],
  ['g n', 'Go to what happens now'],
  ['g j', 'Go to the jobs'],
  ['g m', 'Make a job'],
  ['g c', 'Go to the cost'],
  ['Esc', 'Close a window, leave a field'],
]
const places: Record<string, string> = { n: '/', j: '/jobs', m: '/make', c: '/cost' }

/** The keys that work on every page, and the window that shows them. */
export function Keys() {
  const [isShown, show] = useState(false)
  useEffect(() => {
    let isGoing = false
    const pressed = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return
      const field = fieldOf(event)
      if (field && event.key === 'Escape') field.blur()
      if (field || document.querySelector('dialog[open]')) return
      const place = isGoing ? places[event.key] : undefined
      isGoing = event.key === 'g'
      if (place !== undefined) go(place)
      else if (event.key === '?') show(true)
      else if (event.key === '/') search()
      else if (event.key === 'j' || event.key === 'k') enterRows()
      else return
      event.preventDefault()
    }
    addEventListener('keydown', pressed)
    return () => removeEventListener('keydown', pressed)
  }, [])
  if (!isShown) return null
  return (
    <Dialog title="Keys" onClose={() => show(false)}>
      <dl class="keys">
        {keys.map(([key, does]) => (
          <div key={key}>
            <dt>
              {key.split(' ').map((one) => (
                <kbd key={one}>{one}</kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  )
}

function fieldOf({ target }: Event): HTMLElement | null {
  if (!(target instanceof HTMLElement)) return null
  return target.matches('input:not([type=checkbox]),textarea,select') ? target : null
}

/** The search of this page, or that of the jobs. */
function search(): void {
  const here = () => document.querySelector<HTMLElement>('[data-search]')
  if (here()) return here()?.focus()
  if (path.value !== '/jobs') go('/jobs')
  setTimeout(() => here()?.focus(), 50)
}

/** The first j or k: into the first table of the page. */
function enterRows(): void {
  document.querySelector<HTMLElement>('.table .body .row[tabindex="0"]')?.focus()
}
