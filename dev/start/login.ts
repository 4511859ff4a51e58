import { isGoodLogin } from '../nas/state.ts'
import { nasState } from './home.ts'

/**
 * Whether the login that began with this refresh token still stands at the local NAS. A service that was killed
 * between a refresh and storing its outcome, or that lost its database, has lost its login; a person would log in again.
 */
export async function isLoggedIn(refreshToken: string | null, isNewDatabase: boolean): Promise<boolean> {
  return refreshToken !== null && !isNewDatabase && (await isGoodLogin(nasState, refreshToken))
}

/** A new login at the local NAS, as if a person had gone there; its first refresh token. */
export async function logIn(nasUrl: string): Promise<string> {
  const answer = await fetch(`${nasUrl}/control/log-in`, { method: 'POST' })
  if (!answer.ok) throw new Error(`the local NAS answered ${answer.status} to a login`)
  const { refresh_token: token } = (await answer.json()) as { refresh_token: string }
  return token
}
