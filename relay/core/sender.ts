import { type AddressRules, refusedAddress } from './address.ts'
import type { Agent } from './agent.ts'
import { type Arm, type FireOutcome, readRetryAfterMs } from './arm.ts'
import { fireUrl, within } from './callback.ts'
import {
  createSigner,
  fireClaims,
  jwkSet,
  newKey,
  published,
  rotated,
  signing,
  type SigningKey,
} from './keys.ts'
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
  timeoutMs: number
  fireToken: FireToken
}

/** The token of a fire for an agent. */
export type FireToken = (agent: Pick<Agent, 'id' | 'issuer'>) => Promise<string>

/** Another isolate's rotation is seen within this time. */
const keysAreGoodMs = 30_000

export type Keyring = ReturnType<typeof createKeyring>

/**
 * The signing keys; the first is made when one is first asked for. Read again every half minute. Which of them sign and
 * which are published is decided by the clock of `now`.
 */
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
    async signing(): Promise<SigningKey> {
      const key = signing(await read(), now())
      if (!key) throw new Error('no signing key')
      return key
    },
    published: async () => published(await read(), now()),
    jwks: async () => jwkSet(await read(), now()),
    async rotate(isCompromised: boolean): Promise<void> {
      const fresh = await newKey()
      keep(await store.changeKeys((keys) => rotated(keys, fresh, { nowMs: now(), isCompromised })))
    },
  }
}

type FireTokenNeeds = {
  keyring: Keyring
  /** In place of the issuer that an agent was created with. */
  issuer: string | null
  now: () => number
}

/** Makes the tokens of fires, each good for a minute. Rejects if there is no key. */
export function createFireToken({ keyring, issuer, now }: FireTokenNeeds): FireToken {
  const sign = createSigner()
  return async (agent) =>
    sign(
      await keyring.signing(),
      fireClaims({ issuer: issuer ?? agent.issuer, agentId: agent.id, nowMs: now() }),
    )
}

/** Sends one try of an arm. Whatever goes wrong is its outcome; nothing is thrown. */
export function createSender({ rules, post, now, timeoutMs, fireToken }: SenderNeeds) {
  return async (arm: Arm, agent: Pick<Agent, 'id' | 'issuer' | 'callbackUrls'>): Promise<FireOutcome> => {
    try {
      if (within(agent.callbackUrls, arm.callbackUrl) === null) return failed('callback_not_allowed')
      const { hostname } = new URL(arm.callbackUrl)
      const refused = rules.ofHost(hostname)
      if (refused) return failed(reasonOf(refusedAddress(hostname, refused)))
      const token = await fireToken(agent)
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
