import { createHash, randomBytes } from 'node:crypto'

/** `chr_<12 hex: the id>_<43 base64url: 256 random bits>_<6 base64url: a checksum of all before>` */
const form = /^(chr_([0-9a-f]{12})_[A-Za-z0-9_-]{43})_([A-Za-z0-9_-]{6})$/

/** A new key, and the part of it that is stored. The caller shows `secret` once and forgets it. */
export function makeKey(): { id: string; secret: string; hash: string } {
  const id = randomBytes(6).toString('hex')
  const body = `chr_${id}_${randomBytes(32).toString('base64url')}`
  const secret = `${body}_${checksum(body)}`
  return { id, secret, hash: hashOf(secret).toString('hex') }
}

/** The id in a text that has the form of our keys; null: it is none, which is known without looking anything up. */
export function idIn(given: string): string | null {
  const [, body = '', id = '', sum = ''] = form.exec(given) ?? []
  return id !== '' && checksum(body) === sum ? id : null
}

/** A name for the key in an `Authorization` header, for logs, without its secret. */
export function nameOfKey(authorization: string | undefined): string {
  const given = /^Bearer (.+)$/i.exec(authorization ?? '')?.[1]
  if (given === undefined) return 'none'
  return idIn(given) ?? `sha256:${hashOf(given).toString('hex').slice(0, 8)}`
}

/** SHA-256: of 256 random bits nothing can be guessed, so a slow hash would protect nothing and cost each call. */
export function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}

/** Told to everybody: it keeps typing errors and junk away, and lets scanners of repositories know a key when they see one. */
function checksum(body: string): string {
  return createHash('sha256').update(body).digest('base64url').slice(0, 6)
}
