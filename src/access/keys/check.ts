import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { type Caller, first, rejected } from './caller.ts'
import { idIn } from './form.ts'
import type { StoredKeys } from './stored.ts'

/**
 * Who shows the key in `authorization`. Nothing is looked up for the first key, nor for a text without the form of
 * a key. `beforeAsking` is called before the database is asked about one that this process has not let in lately; it
 * may throw.
 *
 * @throws AppError API_KEY_REJECTED; DATABASE_UNAVAILABLE: unknown
 */
export type KeyCheck = (
  authorization: string | undefined,
  beforeAsking: () => void,
) => Caller | Promise<Caller>

/** `apiKey`: the first key, which is in the environment only and may do everything. `stored`: loaded on first use. */
export function createKeyCheck(apiKey: string, stored: () => Promise<Pick<StoredKeys, 'who'>>): KeyCheck {
  // a process-wide salt: the hash that is held in memory is of no use elsewhere
  const salt = randomBytes(16)
  const hash = (key: string) => createHash('sha256').update(salt).update(key).digest()
  const expected = hash(apiKey)

  return (authorization, beforeAsking) => {
    const given = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(authorization ?? '')?.[1]
    if (given === undefined) throw rejected('No API key was sent')
    // Hashes are compared, in constant time: neither a near miss nor a length shows in the time that an answer takes.
    if (timingSafeEqual(hash(given), expected)) return first
    const id = idIn(given)
    if (id === null) throw rejected('The API key is not known')
    return stored().then((keys) => keys.who({ id, secret: given }, beforeAsking))
  }
}
