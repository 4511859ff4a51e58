import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { AppError } from './errors.ts'

/**
 * Checks `Authorization: Bearer <API key>` against the first key. Hashes are compared, in constant time, so neither a
 * near miss nor a length can be told from the time that an answer takes.
 */
export function createKeyCheck(apiKey: string) {
  // a process-wide salt: the hash that is held in memory is of no use elsewhere
  const salt = randomBytes(16)
  const hash = (key: string) => createHash('sha256').update(salt).update(key).digest()
  const expected = hash(apiKey)

  /** @throws AppError API_KEY_REJECTED */
  return (authorization: string | undefined): void => {
    const given = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(authorization ?? '')?.[1]
    if (given !== undefined && timingSafeEqual(hash(given), expected)) return
    const what = given === undefined ? 'no API key was given' : 'the API key that was given is not known'
    throw new AppError('API_KEY_REJECTED', `${what}; expected "Authorization: Bearer <API key>"`)
  }
}
