import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import type { SavedArms } from './arms.ts'
import type { SavedKeys } from './keys.ts'
import type { SavedLogins } from './login.ts'

export type Saved = { version: 1; keys: SavedKeys; logins: SavedLogins; arms: SavedArms; accessToken: string }

/** What an earlier process left in the file; null if there is none. Throws if the file is something else. */
export function loadState(file: string): Saved | null {
  if (!existsSync(file)) return null
  const saved = JSON.parse(readFileSync(file, 'utf8')) as Partial<Saved>
  if (saved.version !== 1) throw new Error(`${file} has version ${String(saved.version)}, expected 1`)
  return saved as Saved
}

/** Replaces the file as a whole, so that a process killed in the middle leaves the earlier one. Only its owner may read it: keys. */
export function saveState(file: string, saved: Saved): void {
  writeFileSync(`${file}.new`, JSON.stringify(saved, null, 1), { mode: 0o600 })
  renameSync(`${file}.new`, file)
}
