import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { Corner } from './corner.tsx'
import { Button } from './parts/button.tsx'
import { Field } from './parts/field.tsx'
import { Link } from './parts/link.tsx'
import { Mark } from './pages/sign-in.tsx'
import { Pauses } from './parts/pauses.tsx'
import { choices, look, project } from './project.ts'
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
  { href: '/projects', name: 'Projects', needs: 'jobs:read' },
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
          <Chooser />
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
          <Pauses />
          {children}
        </main>
      </div>
    </div>
  )
}

/** Which project is looked at, for a key that sees several. */
function Chooser() {
  const names = choices.value
  const at = project.value ?? ''
  if (names.length === 0) return null
  const options = [
    { value: '', label: 'All projects' },
    ...names.map((name) => ({ value: name, label: name })),
    // an address may name one that is not there, or not any more
    ...(at === '' || names.includes(at) ? [] : [{ value: at, label: at }]),
  ]
  return (
    <div class="chooser">
      <Field label="Project" value={at} onInput={look} options={options} />
    </div>
  )
}

function isAt(href: string): boolean {
  const at = path.value
  return at === href || (href === '/jobs' && /^\/(?:jobs|runs)\//.test(at))
}
