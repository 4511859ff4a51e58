import { existsSync } from 'node:fs'
import { loadState } from '../nas/state.ts'
import { nasState } from './home.ts'

/**
 * Whether the login that began with this refresh token still stands at the local NAS. A service that was killed
 * between a refresh and storing its outcome, or that lost its database, has lost its login; a person would log in again.
 */
export function isLoggedIn(refreshToken: string | null, isNewDatabase: boolean): refreshToken is string {
  if (refreshToken === null || isNewDatabase || !existsSync(nasState)) return false
  const logins = loadState(nasState)?.logins.logins ?? []
  const login = logins.find((one) => one.refreshToken === refreshToken || one.spent.includes(refreshToken))
  return login?.isRevoked === false
}

/** A new login at the local NAS, as if a person had gone there; its first refresh token. */
export async function logIn(nasUrl: string): Promise<string> {
  const answer = await fetch(`${nasUrl}/control/log-in`, { method: 'POST' })
  if (!answer.ok) throw new Error(`the local NAS answered ${answer.status} to a login`)
  const { refresh_token: token } = (await answer.json()) as { refresh_token: string }
  return token
}
