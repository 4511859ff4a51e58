import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { Corner } from './corner.tsx'
import { Button } from './parts/button.tsx'
import { Link } from './parts/link.tsx'
import { Mark } from './pages/sign-in.tsx'
import { path } from './router.ts'
import { may, session, signOut } from './session.ts'
import type { Scope } from './types.ts'

const places: readonly { href: string; name: string; needs: Scope }[] = [
  { href: '/', name: 'Now', needs: 'jobs:read' },
  { href: '/jobs', name: 'Jobs', needs: 'jobs:read' },
  { href: '/make', name: 'Make a job', needs: 'jobs:write' },
  { href: '/cost', name: 'Cost', needs: 'jobs:read' },
  { href: '/channels', name: 'Channels', needs: 'jobs:read' },
  { href: '/secrets', name: 'Secrets', needs: 'admin' },
  { href: '/keys', name: 'Keys', needs: 'admin' },
  { href: '/audit', name: 'Audit', needs: 'admin' },
]

/** What is around each page: the places that the key may go to, who is signed in, and why the machine is up. */
export function Layout({ children }: { children: ComponentChildren }) {
  const [isOpen, setOpen] = useState(false)
  useEffect(() => setOpen(false), [path.value])
  return (
    <div class="layout">
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header class="side">
        <Link href="/" class="brand">
          <Mark /> Chronos
        </Link>
        <button
          type="button"
          class="menu"
          aria-expanded={isOpen}
          aria-controls="places"
          onClick={() => setOpen(!isOpen)}
        >
          <span aria-hidden="true">{isOpen ? '×' : '≡'}</span> Menu
        </button>
        <div id="places" class={isOpen ? 'places open' : 'places'}>
          <nav aria-label="Pages">
            {places
              .filter(({ needs }) => may(needs))
              .map(({ href, name }) => (
                <Link key={href} href={href} aria-current={isAt(href) ? 'page' : undefined}>
                  {name}
                </Link>
              ))}
          </nav>
          <div class="who">
            <span title={`Scopes: ${session.value?.scopes.join(', ')}`}>{session.value?.name}</span>
            <Button kind="quiet" onPress={signOut}>
              Sign out
            </Button>
          </div>
        </div>
      </header>
      <div class="content">
        <Corner />
        <main id="main" tabIndex={-1}>
          {children}
        </main>
      </div>
    </div>
  )
}

function isAt(href: string): boolean {
  const at = path.value
  return at === href || (href === '/jobs' && /^\/(?:jobs|runs)\//.test(at))
}
