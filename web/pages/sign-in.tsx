import { useState } from 'preact/hooks'
import { Button } from '../parts/button.tsx'
import { Field } from '../parts/field.tsx'
import { ErrorNotice, Notice } from '../parts/notice.tsx'
import { path } from '../router.ts'
import { sessionError, signIn } from '../session.ts'

/** Asks for an API key. The address stays, so that a link in a message opens its run right after. */
export function SignInPage() {
  const [key, setKey] = useState('')
  const [isBusy, setBusy] = useState(false)
  const submit = async (event: Event) => {
    event.preventDefault()
    setBusy(true)
    // the key leaves the page's memory with the answer, whatever that is
    await signIn(key)
    setKey('')
    setBusy(false)
  }
  const error = sessionError.value
  const isRefused = error?.code === 'API_KEY_REJECTED'
  return (
    <main class="sign-in" tabIndex={-1}>
      <form onSubmit={(event) => void submit(event)}>
        <h1>
          <Mark /> Chronos
        </h1>
        <p>
          {path.value === '/'
            ? 'Sign in with an API key.'
            : 'Sign in with an API key to see what you opened.'}
        </p>
        <Field
          label="API key"
          type="password"
          value={key}
          onInput={setKey}
          autoComplete="current-password"
          required
          autoFocus
          hint="It is exchanged for a cookie that lasts 12 hours, and not kept in the page."
        />
        {isRefused && (
          <Notice kind="error" title="This key opens nothing">
            Copy it again, or make a new one: it may have been revoked.
          </Notice>
        )}
        {!isRefused && <ErrorNotice error={error} />}
        <Button type="submit" kind="main" busy={isBusy} disabled={key === ''}>
          Sign in
        </Button>
      </form>
    </main>
  )
}

/** The sign of Chronos: a clock whose hand sleeps. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true">
      <circle cx="12" cy="12" r="9" />
      <path d="M12 7 12 12 15.5 14" />
    </svg>
  )
}
