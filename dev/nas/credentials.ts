import {
  type Agent,
  type Ask,
  bearer,
  isAgentId,
  newAgentToken,
  newLogin,
  readToken,
  type Store,
  withoutLogin,
  withToken,
} from '../../relay/core/index.ts'
import { unlimited } from './unlimited.ts'

export type SavedCredentials = { chosen: [string, string][]; newest: [string, string][] }

type CredentialsNeeds = {
  store: Store
  issuer: string
  clientId: string
  now: () => number
  saved: SavedCredentials | undefined
}

export type Credentials = ReturnType<typeof createCredentials>

/**
 * Agents that are made when they are first named, and credentials that someone chose: a portal has both, a relay makes
 * its tokens itself, and takes the agent for the client. Each chosen token stands for one of the relay's, which decides
 * about it.
 */
export function createCredentials({ store, issuer, clientId, now, saved }: CredentialsNeeds) {
  const chosen = new Map(saved?.chosen)
  /** The refresh token that each agent was given last. */
  const newest = new Map(saved?.newest)
  const relaysOwn = (token: string) => chosen.get(token) ?? token

  async function change(agentId: string, work: (agent: Agent) => Agent): Promise<void> {
    if (!isAgentId(agentId))
      throw new Error(`"${agentId}" is no name of an agent: 1 to 63 lower-case letters, digits and hyphens`)
    const made: Agent = {
      id: agentId,
      issuer,
      callbackUrls: unlimited.callbackUrls,
      tokens: [],
      login: null,
      quota: unlimited.quota,
      createdMs: now(),
    }
    await store.changeAgent(agentId, (agent) => ({ agent: work(agent ?? made), result: null }))
  }

  return {
    newest: (agentId: string) => newest.get(agentId),

    /** A further access token, which does not expire; `token` is what it is called outside. */
    async issue(agentId: string, token?: string): Promise<string> {
      if (token !== undefined && chosen.has(token)) return token
      const made = await newAgentToken(agentId)
      const times = { nowMs: now(), graceMs: Number.MAX_SAFE_INTEGER }
      await change(agentId, (agent) => withToken(agent, made.hash, times))
      if (token !== undefined) chosen.set(token, made.token)
      return token ?? made.token
    },

    /** A new login of the agent, as if a person had just logged in; its first refresh token. The one before ends. */
    async open(agentId: string, token?: string): Promise<string> {
      if (token !== undefined && chosen.has(token)) return token
      const { refreshToken, login } = await newLogin(agentId)
      await change(agentId, (agent) => ({ ...agent, login }))
      if (token !== undefined) chosen.set(token, refreshToken)
      newest.set(agentId, token ?? refreshToken)
      return token ?? refreshToken
    },

    revoke: (agentId: string) => change(agentId, withoutLogin),

    /** The agent that the access token of a request names; proves nothing. */
    agentOf(ask: Ask): string | null {
      const token = bearer(ask)
      return token === null ? null : (readToken('rat', relaysOwn(token))?.agentId ?? null)
    },

    /** The request with the relay's own access token. */
    identified(ask: Ask): Ask {
      const token = bearer(ask)
      if (token === null || !chosen.has(token)) return ask
      const get = (name: string) =>
        name.toLowerCase() === 'authorization' ? `Bearer ${relaysOwn(token)}` : ask.headers.get(name)
      return { ...ask, headers: { get } }
    },

    /** A refresh as the relay reads it: with its own names for the client and for `refreshToken`, wherever that was. */
    refreshing(ask: Ask, given: URLSearchParams, refreshToken: string | undefined): Ask {
      const form = new URLSearchParams(given)
      const token = relaysOwn(refreshToken ?? '')
      const isClient = form.get('client_id') === clientId
      form.set('refresh_token', token)
      form.set('client_id', isClient ? (readToken('rrt', token)?.agentId ?? '') : '')
      const get = (name: string) => (name === 'x-nous-refresh-token' ? null : ask.headers.get(name))
      return { ...ask, headers: { get }, text: () => Promise.resolve(form.toString()) }
    },

    /** Notes what a refresh has given out. */
    granted(refreshToken: string): void {
      const agentId = readToken('rrt', refreshToken)?.agentId
      if (agentId !== undefined) newest.set(agentId, refreshToken)
    },

    save: (): SavedCredentials => ({ chosen: [...chosen], newest: [...newest] }),
  }
}
