import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { prepareRefresh } from '../../relay/core/index.ts'
import type { SavedArms } from './arms.ts'
import type { SavedCredentials } from './credentials.ts'
import type { SavedStore } from './store.ts'
import type { SavedKeys } from './tokens.ts'

export type Saved = {
  version: 2
  store: SavedStore
  arms: SavedArms
  dedupKeys: [string, string][]
  otherKeys: SavedKeys
  credentials: SavedCredentials
  accessToken: string
}

/** What an earlier process left in the file; null if there is none. Throws if the file is something else. */
export function loadState(file: string): Saved | null {
  if (!existsSync(file)) return null
  const saved = JSON.parse(readFileSync(file, 'utf8')) as Partial<Saved>
  if (saved.version === 2) return saved as Saved
  throw new Error(
    `${file} has version ${String(saved.version)}; this NAS reads version 2. Delete it to start over.`,
  )
}

/** Replaces the file as a whole, so that a process killed in the middle leaves the earlier one. Only its owner may read it: keys. */
export function saveState(file: string, saved: Saved): void {
  writeFileSync(`${file}.new`, JSON.stringify(saved, null, 1), { mode: 0o600 })
  renameSync(`${file}.new`, file)
}

/** Whether the login that this refresh token is of, or was, is still good at the NAS that left the file. */
export async function isGoodLogin(file: string, refreshToken: string): Promise<boolean> {
  const refresh = await prepareRefresh(refreshToken)
  const login = loadState(file)?.store.agents.find(({ id }) => id === refresh?.agentId)?.login
  return login?.idHash === refresh?.given.idHash && login?.isRevoked === false
}
