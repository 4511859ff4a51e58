import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'
import { connectionError } from './connection-error.ts'

export const mechanism = 'SCRAM-SHA-256'

/** One exchange of SCRAM-SHA-256 (RFC 5802, RFC 7677), the client's side, without channel binding, as the driver does it. */
export type Scram = {
  first: string
  /** @throws SASL_SIGNATURE_MISMATCH: this is no answer to `first`. */
  final(serverFirst: string): string
  /** Whether the server has proved that it knows the password too. */
  isProof(serverFinal: string): boolean
}

export function createScram(password: string, nonce = randomBytes(18).toString('base64')): Scram {
  // Postgres takes the name from the start of the session
  const bare = `n=*,r=${nonce}`
  let expected = ''

  return {
    first: `n,,${bare}`,
    final(serverFirst) {
      const [, joint = '', salt = '', iterations = ''] =
        /^r=([^,]+),s=([A-Za-z0-9+/]+=*),i=(\d{1,9})$/.exec(serverFirst) ?? []
      if (!joint.startsWith(nonce) || joint.length === nonce.length || !isSane(Number(iterations)))
        throw connectionError('SASL_SIGNATURE_MISMATCH')
      const salted = pbkdf2Sync(password, Buffer.from(salt, 'base64'), Number(iterations), 32, 'sha256')
      const unproved = `c=biws,r=${joint}`
      const messages = `${bare},${serverFirst},${unproved}`
      const clientKey = hmac(salted, 'Client Key')
      const signature = hmac(createHash('sha256').update(clientKey).digest(), messages)
      const proof = clientKey.map((byte, index) => byte ^ (signature[index] as number))
      expected = `v=${hmac(hmac(salted, 'Server Key'), messages).toString('base64')}`
      return `${unproved},p=${Buffer.from(proof).toString('base64')}`
    },
    isProof: (serverFinal) => expected !== '' && serverFinal === expected,
  }
}

/** Postgres itself uses 4,096. What does not know the password yet must not keep this process busy for long. */
const isSane = (iterations: number) => iterations >= 1 && iterations <= 100_000

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
