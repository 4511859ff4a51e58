import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto'
import { AppError } from '../../ground/errors.ts'

export type Seal = {
  /** Of the key that seals: it stands in each text that is sealed, and says nothing about the key. */
  keyId: string
  /** Of all keys that open, this one included. */
  keyIds: readonly string[]
  /** `plain`, encrypted. `context` names its kind and owner; only the same context opens it. */
  seal(plain: string, context: string): string
  /** @throws AppError SECRET_UNREADABLE: altered, sealed for another context, or with a key not given here. */
  open(sealed: string, context: string): string
}

const version = 'v1'
const nonceBytes = 12
const tagBytes = 16

/**
 * Encrypts secrets for the database: AES-256-GCM, a random nonce for each value.
 *
 * The text is `v1.<key id>.<nonce, ciphertext and tag as base64url>`; version, key id and context are
 * authenticated with it. Both kinds of key have 32 bytes: `key` seals and opens, `olderKeys` still open.
 */
export function createSeal(key: Buffer, olderKeys: readonly Buffer[] = []): Seal {
  const keys = new Map([...olderKeys, key].map((each) => [keyId(each), each]))
  const id = keyId(key)

  function seal(plain: string, context: string): string {
    const nonce = randomBytes(nonceBytes)
    const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(bound(id, context))
    const sealed = Buffer.concat([nonce, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()])
    return `${version}.${id}.${sealed.toString('base64url')}`
  }

  function open(sealed: string, context: string): string {
    const [format, sealedWith = '', text = '', ...rest] = sealed.split('.')
    const bytes = Buffer.from(text, 'base64url')
    if (format !== version || rest.length > 0 || bytes.length < nonceBytes + tagBytes) {
      throw unreadable(context, 'is not in the format written here')
    }
    const openingKey = keys.get(sealedWith)
    if (!openingKey) throw unreadable(context, 'was sealed with another ENCRYPTION_KEY')
    const nonce = bytes.subarray(0, nonceBytes)
    const decipher = createDecipheriv('aes-256-gcm', openingKey, nonce, { authTagLength: tagBytes })
    decipher.setAAD(bound(sealedWith, context)).setAuthTag(bytes.subarray(-tagBytes))
    try {
      return (
        decipher.update(bytes.subarray(nonceBytes, -tagBytes), undefined, 'utf8') + decipher.final('utf8')
      )
    } catch (cause) {
      throw unreadable(context, 'was altered, or sealed for something else', cause)
    }
  }

  return { keyId: id, keyIds: [...keys.keys()], seal, open }
}

/** Tells keys apart without saying anything about them. */
function keyId(key: Buffer): string {
  if (key.length !== 32) throw new Error(`An encryption key must be 32 bytes, not ${key.length}`)
  return createHmac('sha256', key).update('chronos key id').digest('hex').slice(0, 8)
}

function bound(id: string, context: string): Buffer {
  return Buffer.from(`${version}.${id}.${context}`)
}

function unreadable(context: string, why: string, cause?: unknown): AppError {
  return new AppError('SECRET_UNREADABLE', `The stored secret "${context}" ${why}`, { cause })
}

/** @throws AppError ENCRYPTION_KEY_MISSING: there is no key to seal `what` with */
export function needed(seal: Seal | null, what: string): Seal {
  if (seal) return seal
  const remedy = `set it to 32 bytes as base64 (openssl rand -base64 32), and keep it as long as ${what} are stored`
  throw new AppError(
    'ENCRYPTION_KEY_MISSING',
    `ENCRYPTION_KEY is not set, and ${what} are stored encrypted; ${remedy}`,
  )
}
