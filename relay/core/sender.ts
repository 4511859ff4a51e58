import { type AddressRules, refusedAddress } from './address.ts'
import type { Agent } from './agent.ts'
import { type Arm, type FireOutcome, readRetryAfterMs } from './arm.ts'
import { fireUrl, within } from './callback.ts'
import { createSigner, fireClaims, newKey, rotated, signing, type SigningKey } from './keys.ts'
import type { Store } from './store.ts'

export type Call = { url: string; headers: Record<string, string>; body: string; timeoutMs: number }

/**
 * One POST of a host, to a host name that the rules permit. No redirect is followed, private addresses are refused when
 * connecting if the host can see them, and all of it takes `timeoutMs` at most. Rejects if there is no answer.
 */
export type Post = (call: Call) => Promise<{ status: number; retryAfter: string | null }>

type SenderNeeds = {
  rules: AddressRules
  post: Post
  now: () => number
  /** In place of the issuer that an agent was created with. */
  issuer: string | null
  timeoutMs: number
}

/** Another isolate's rotation is seen within this time. */
const keysAreGoodMs = 30_000

export type Keyring = ReturnType<typeof createKeyring>

/** The signing keys; the first is made when one is first asked for. Read again every half minute. */
export function createKeyring({
  store,
  now,
}: {
  store: Pick<Store, 'readKeys' | 'changeKeys'>
  now: () => number
}) {
  let known: { keys: SigningKey[]; atMs: number } | null = null

  async function read(): Promise<SigningKey[]> {
    if (known && Math.abs(now() - known.atMs) < keysAreGoodMs) return known.keys
    const stored = await store.readKeys()
    return keep(stored.length > 0 ? stored : await makeFirst())
  }
  async function makeFirst() {
    const fresh = await newKey()
    return store.changeKeys((keys) =>
      keys.length > 0 ? keys : rotated([], fresh, { nowMs: now(), isCompromised: false }),
    )
  }
  function keep(keys: SigningKey[]) {
    known = { keys, atMs: now() }
    return keys
  }
  return {
    read,
    async rotate(isCompromised: boolean): Promise<SigningKey[]> {
      const fresh = await newKey()
      return keep(await store.changeKeys((keys) => rotated(keys, fresh, { nowMs: now(), isCompromised })))
    },
  }
}

/** Sends one try of an arm. Whatever goes wrong is its outcome; nothing is thrown. */
export function createSender({
  rules,
  post,
  now,
  issuer,
  timeoutMs,
  keyring,
}: SenderNeeds & { keyring: Keyring }) {
  const sign = createSigner()
  return async (arm: Arm, agent: Pick<Agent, 'issuer' | 'callbackUrls'>): Promise<FireOutcome> => {
    try {
      if (within(agent.callbackUrls, arm.callbackUrl) === null) return failed('callback_not_allowed')
      const { hostname } = new URL(arm.callbackUrl)
      const refused = rules.ofHost(hostname)
      if (refused) return failed(reasonOf(refusedAddress(hostname, refused)))
      const nowMs = now()
      const key = signing(await keyring.read(), nowMs)
      if (!key) return failed('no signing key')
      const token = await sign(
        key,
        fireClaims({ issuer: issuer ?? agent.issuer, agentId: arm.agentId, nowMs }),
      )
      const { status, retryAfter } = await post({
        url: fireUrl(arm.callbackUrl),
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          'user-agent': 'chronos-relay',
        },
        body: JSON.stringify({ job_id: arm.jobId, fire_at: arm.fireAt }),
        timeoutMs,
      })
      return { status, error: null, retryAfterMs: readRetryAfterMs(retryAfter, now()) }
    } catch (error) {
      return failed(reasonOf(error))
    }
  }
}

function failed(error: string): FireOutcome {
  return { status: null, error, retryAfterMs: 0 }
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error
  const code = typeof cause === 'object' && cause && 'code' in cause ? cause.code : undefined
  return typeof code === 'string' ? code : cause instanceof Error ? cause.message : String(cause)
}
