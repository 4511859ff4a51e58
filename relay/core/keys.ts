import type { JWK } from 'jose'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, SignJWT } from 'jose'

export type SigningKey = {
  kid: string
  privateJwk: JWK
  /** It signs from then on, until a newer key does. */
  signsFromMs: number
}

/** How long anyone may keep the JWK set; a new key is published this long before it signs. */
export const jwksMaxAgeS = 300
const tokenLifetimeS = 60
/** Verifiers' leeway, and a fire on its way. */
const slackMs = 120_000

export async function newKey(): Promise<Omit<SigningKey, 'signsFromMs'>> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const privateJwk = await exportJWK(privateKey)
  return { kid: await calculateJwkThumbprint(privateJwk), privateJwk }
}

/**
 * The keys after a rotation. Usually the new key is published first and signs when every cache has it, and the old one
 * stays until its last token has ended. `isCompromised`: the old ones go at once, and the new one signs at once.
 */
export function rotated(
  keys: readonly SigningKey[],
  fresh: Omit<SigningKey, 'signsFromMs'>,
  { nowMs, isCompromised }: { nowMs: number; isCompromised: boolean },
): SigningKey[] {
  if (isCompromised || keys.length === 0) return [{ ...fresh, signsFromMs: nowMs }]
  return [...published(keys, nowMs), { ...fresh, signsFromMs: nowMs + jwksMaxAgeS * 1_000 }]
}

/** The key that signs now: the newest that may. */
export function signing(keys: readonly SigningKey[], nowMs: number): SigningKey | undefined {
  return keys.findLast((key) => key.signsFromMs <= nowMs) ?? keys[0]
}

/** The keys by which a token can be verified that is good now, or will be soon. */
export function published(keys: readonly SigningKey[], nowMs: number): SigningKey[] {
  const endsMs = (index: number) =>
    (keys[index + 1]?.signsFromMs ?? Number.POSITIVE_INFINITY) + tokenLifetimeS * 1_000 + slackMs
  return keys.filter((_, index) => endsMs(index) > nowMs)
}

export function jwkSet(keys: readonly SigningKey[], nowMs: number): { keys: JWK[] } {
  return { keys: published(keys, nowMs).map(publicJwk) }
}

function publicJwk({ kid, privateJwk: { kty, crv, x, y } }: SigningKey): JWK {
  return { kty, crv, x, y, kid, alg: 'ES256', use: 'sig' } as JWK
}

/** The claims of a fire's token (docs/contract.md, "Fire tokens"). */
export function fireClaims({ issuer, agentId, nowMs }: { issuer: string; agentId: string; nowMs: number }) {
  const nowS = Math.floor(nowMs / 1_000)
  return {
    iss: issuer,
    aud: `agent:${agentId}`,
    purpose: 'cron_fire',
    iat: nowS,
    nbf: nowS,
    exp: nowS + tokenLifetimeS,
    jti: crypto.randomUUID(),
  }
}

type Imported = Awaited<ReturnType<typeof importJWK>>

/** Signs with keys that it imports once. */
export function createSigner() {
  let imported: { kid: string; key: Imported } | null = null
  return async (key: SigningKey, claims: Record<string, unknown>): Promise<string> => {
    if (imported?.kid !== key.kid) imported = { kid: key.kid, key: await importJWK(key.privateJwk, 'ES256') }
    return new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256', kid: key.kid, typ: 'JWT' })
      .sign(imported.key)
  }
}
