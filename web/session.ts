import { computed, signal } from '@preact/signals'
import { ApiError, call, onSignedOut } from './api.ts'
import { resume } from './live.ts'
import { wakeLoads } from './load.ts'
import type { Scope } from './types.ts'

export type Session = { name: string; scopes: readonly Scope[]; expiresAt: string }

/** Who is signed in: undefined while that is not known yet, null for nobody. */
export const session = signal<Session | null | undefined>(undefined)
/** Why the last session is over, or could not be opened. */
export const sessionError = signal<ApiError | null>(null)
/** The name of the key, for the corner. */
export const signedInAs = computed(() => session.value?.name ?? null)

/** Whether the key of the session may do what needs `scope`; what it may not do is not shown. */
export function may(scope: Scope): boolean {
  const held = session.value?.scopes ?? []
  if (held.includes(scope) || held.includes('admin')) return true
  return scope === 'jobs:read' && held.includes('jobs:write')
}

onSignedOut(() => {
  session.value = null
})

/** Finds out who is signed in; a link of `npm start` (`#token=…`) signs in, and leaves the address bar at once. */
export async function openSession(): Promise<void> {
  const token = new URLSearchParams(location.hash.slice(1)).get('token')
  if (token) history.replaceState(history.state, '', location.pathname + location.search)
  await (token ? exchange({ token }) : attempt(() => call<Session>('GET', '/api/session')))
}

/** Exchanges an API key for a cookie. The key is not kept anywhere in the page. */
export const signIn = (key: string): Promise<void> => exchange({ key })

export async function signOut(): Promise<void> {
  await call('DELETE', '/api/session').catch(() => undefined)
  session.value = null
  sessionError.value = null
}

async function exchange(proof: { key: string } | { token: string }): Promise<void> {
  await attempt(() => call<Session>('POST', '/api/session', proof))
}

async function attempt(ask: () => Promise<Session>): Promise<void> {
  try {
    session.value = await ask()
    sessionError.value = null
    resume()
    wakeLoads()
  } catch (error) {
    session.value = null
    const isQuestion = error instanceof ApiError && error.status !== 401
    sessionError.value = isQuestion || error instanceof ApiError ? (error as ApiError) : null
  }
}
