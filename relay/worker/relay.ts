import {
  type Answer,
  type Ask,
  type Common,
  createFireToken,
  createKeyring,
  createReader,
  createRelay,
  createSender,
  hashOf,
  type Keyring,
  mostBytes,
  type Post,
  readCommon,
  refusal,
  usualFireTimeoutMs,
  usualHorizonMs,
} from '../core/index.ts'
import type { Env } from './runtime.ts'
import { createStore, type Own } from './store.ts'

type Handle = (ask: Ask) => Promise<Answer>
type Send = ReturnType<typeof createSender>

/** What an isolate keeps for all objects in it: plain values, and the keys for half a minute. */
type Shared = { common: Common; problems: string[]; keyring: Keyring; send: Send }
const sharedBy = new WeakMap<Env, Shared>()

function sharedOf(env: Env): Shared {
  const known = sharedBy.get(env)
  if (known) return known
  const reader = createReader(env)
  const common = readCommon(reader)
  if (common.adminSecret === null)
    reader.problems.push(
      'RELAY_ADMIN_SECRET is not set: `npx wrangler@4 secret put RELAY_ADMIN_SECRET --config relay/worker/wrangler.jsonc`.',
    )
  const keyring = createKeyring({ store: createStore(env, null), now: Date.now })
  const send = createSender({
    rules: common.rules,
    post,
    now: Date.now,
    timeoutMs: usualFireTimeoutMs,
    fireToken: createFireToken({ keyring, issuer: common.issuer, now: Date.now }),
  })
  const shared = { common, problems: reader.problems, keyring, send }
  sharedBy.set(env, shared)
  return shared
}

export function senderOf(env: Env): Send {
  return sharedOf(env).send
}

/** Handles requests; `own` is the agent's object that does. Every request is refused while the environment is wrong. */
export async function relayOf(env: Env, own: Own | null): Promise<Handle> {
  const { common, problems, keyring } = sharedOf(env)
  if (problems.length > 0) return () => Promise.resolve(refusal(503, 'not_configured', problems.join(' ')))
  const { issuer, adminSecret, rules, quota } = common
  const adminHash = await hashOf(adminSecret ?? '')
  const settings = { issuer, adminHash, rules, quota, horizonMs: usualHorizonMs }
  return createRelay({ store: createStore(env, own), settings, keyring })
}

export async function answerOf(handle: Handle, request: Request): Promise<Response> {
  const answer = await handle({
    method: request.method,
    url: request.url,
    headers: request.headers,
    text: () => textOf(request),
  })
  return new Response(request.method === 'HEAD' ? null : answer.body, answer)
}

/** The body, and no more of it than shows that it is too large. */
async function textOf({ body }: Request): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true })
    if (text.length > mostBytes) return text
  }
  return text + decoder.decode()
}

/** Cloudflare connects to public addresses only, whatever a name leads to. Redirects are answers like any other. */
const post: Post = async ({ url, headers, body, timeoutMs }) => {
  const signal = AbortSignal.timeout(timeoutMs)
  const response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal })
  await response.body?.cancel()
  return { status: response.status, retryAfter: response.headers.get('retry-after') }
}
