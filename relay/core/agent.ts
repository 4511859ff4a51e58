import { hashOf, isSameHash, newSecret, newToken, readToken } from './secret.ts'

/** A service that may arm wake-ups here. Holds hashes of its credentials only. */
export type Agent = {
  /** The `client_id` of its login too; its fires are for `agent:{id}`. */
  id: string
  /** The name of this relay at the agent: the `iss` of its fires. */
  issuer: string
  /** Base URLs; a wake-up goes to one of them or below it. */
  callbackUrls: string[]
  /** The agent token, and one that it has replaced for as long as that is still good. */
  tokens: Access[]
  login: Login | null
  quota: Quota
  createdMs: number
}

/** As host names have it: it becomes part of tokens. */
export function isAgentId(id: string): boolean {
  return /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(id)
}

export type Quota = {
  /** Armed rows at most. */
  rows: number
  provisionsPerMinute: number
}

/** `endsMs` null: good until it is revoked. */
type Access = { hash: string; endsMs: number | null }

/**
 * A chain of refresh tokens. Each consists of the login's own part and a part that changes with every refresh; so one
 * that has the first and not the second was spent before (or is a guess based on an old one).
 */
type Login = { idHash: string; refreshHash: string; isRevoked: boolean; access: Access[] }

// The contract: about 15 minutes.
const accessLifetimeS = 900
/** Processes of one service share an access token, and renew it a minute early: a few live ones at once. */
const mostAccess = 8

/** Whether the token whose hash this is speaks for the agent now. */
export function isAccepted({ tokens, login }: Agent, tokenHash: string, nowMs: number): boolean {
  const access = login && !login.isRevoked ? login.access : []
  return [...tokens, ...access].some((one) => isLive(one, nowMs) && isSameHash(one.hash, tokenHash))
}

function isLive({ endsMs }: Access, nowMs: number): boolean {
  return endsMs === null || endsMs > nowMs
}

export type NewToken = { token: string; hash: string }

export async function newAgentToken(agentId: string): Promise<NewToken> {
  const token = newToken('rat', agentId)
  return { token, hash: await hashOf(token) }
}

/** The agent with a new token. Older ones are good for `graceMs` more, and never longer than before. */
export function withToken(
  agent: Agent,
  hash: string,
  { nowMs, graceMs }: { nowMs: number; graceMs: number },
) {
  const older = agent.tokens.map((one) => ({
    ...one,
    endsMs: Math.min(one.endsMs ?? Number.POSITIVE_INFINITY, nowMs + graceMs),
  }))
  return { ...agent, tokens: [{ hash, endsMs: null }, ...older.filter((one) => isLive(one, nowMs))] }
}

/** A new login; the previous one ends. */
export async function newLogin(agentId: string): Promise<{ refreshToken: string; login: Login }> {
  const id = newSecret(16)
  const refreshToken = newToken('rrt', agentId, `${id}-${newSecret()}`)
  const hashes = { idHash: await hashOf(id), refreshHash: await hashOf(refreshToken) }
  return { refreshToken, login: { ...hashes, isRevoked: false, access: [] } }
}

/** A refresh, prepared: everything random is drawn and hashed before the transaction that decides. */
export type Refresh = {
  agentId: string
  given: { idHash: string; hash: string }
  next: { accessToken: string; accessHash: string; refreshToken: string; refreshHash: string }
}

/** Null: the text is no refresh token of this relay. */
export async function prepareRefresh(refreshToken: string): Promise<Refresh | null> {
  const read = readToken('rrt', refreshToken)
  const [id = ''] = read?.part.split('-') ?? []
  if (!read || !id) return null
  const access = await newAgentToken(read.agentId)
  const next = newToken('rrt', read.agentId, `${id}-${newSecret()}`)
  return {
    agentId: read.agentId,
    given: { idHash: await hashOf(id), hash: await hashOf(refreshToken) },
    next: {
      accessToken: access.token,
      accessHash: access.hash,
      refreshToken: next,
      refreshHash: await hashOf(next),
    },
  }
}

/** `reused`: a spent token came, and the whole login has ended with it. */
export type Refreshed = 'granted' | 'reused' | 'revoked' | 'unknown'

/** The agent after a refresh. A refresh token is good once; a second use of it revokes the login, access included. */
export function refreshed(
  agent: Agent,
  { given, next }: Refresh,
  nowMs: number,
): { agent: Agent; outcome: Refreshed } {
  const { login } = agent
  if (!login || !isSameHash(login.idHash, given.idHash)) return { agent, outcome: 'unknown' }
  if (login.isRevoked) return { agent, outcome: 'revoked' }
  if (!isSameHash(login.refreshHash, given.hash)) return { agent: withoutLogin(agent), outcome: 'reused' }
  const fresh = { hash: next.accessHash, endsMs: nowMs + accessLifetimeS * 1_000 }
  const access = [fresh, ...login.access.filter((one) => isLive(one, nowMs))].slice(0, mostAccess)
  return {
    agent: { ...agent, login: { ...login, refreshHash: next.refreshHash, access } },
    outcome: 'granted',
  }
}

/** The agent after its login was revoked, with the access tokens that came from it. Its refresh tokens stay dead. */
export function withoutLogin(agent: Agent): Agent {
  return { ...agent, login: agent.login && { ...agent.login, isRevoked: true, access: [] } }
}

/** The body of RFC 6749, 5.1. */
export function grantBody({ next }: Refresh) {
  return {
    access_token: next.accessToken,
    token_type: 'Bearer',
    expires_in: accessLifetimeS,
    refresh_token: next.refreshToken,
  }
}
