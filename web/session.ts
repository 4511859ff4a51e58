import { signal } from '@preact/signals'
import { ApiError, asApiError, call, forget, onSignedOut } from './api.ts'
import type { Answer, Scope } from './types.ts'

export type Session = Answer<'POST /api/session'>

/** Who is signed in: undefined while that is not known yet, null for no one. */
export const session = signal<Session | null | undefined>(undefined)
/** Why the last session is over, or could not be opened. */
export const sessionError = signal<ApiError | null>(null)

/** Whether the key of the session may do what needs `scope`; what it may not do is not shown. */
export function may(scope: Scope): boolean {
  return session.value?.may.includes(scope) ?? false
}

onSignedOut((error) => {
  // of a page that is opened without a session there is nothing to explain
  if (session.value) sessionError.value = error
  session.value = null
  forget()
})

/** Finds out who is signed in; a link of `npm start` (`#token=…`) signs in, and leaves the address bar at once. */
export async function openSession(): Promise<void> {
  const token = new URLSearchParams(location.hash.slice(1)).get('token')
  if (token) {
    history.replaceState(history.state, '', location.pathname + location.search)
    return exchange({ token })
  }
  try {
    session.value = await call<Session>('GET', '/api/session')
  } catch (error) {
    session.value = null
    if (error instanceof ApiError && error.status !== 401) sessionError.value = error
  }
}

/** Exchanges an API key for a cookie. The key is not kept anywhere in the page. */
export const signIn = (key: string): Promise<void> => exchange({ key })

export async function signOut(): Promise<void> {
  await call('DELETE', '/api/session').catch(() => undefined)
  session.value = null
  sessionError.value = null
  forget()
}

async function exchange(proof: { key: string } | { token: string }): Promise<void> {
  try {
    session.value = await call<Session>('POST', '/api/session', proof)
    sessionError.value = null
  } catch (error) {
    session.value = null
    sessionError.value = asApiError(error)
  }
}
