import { type Agent, grantBody, prepareRefresh, refreshed } from './agent.ts'
import { type Answer, type Ask, json, readText, refusal } from './answer.ts'
import type { Store } from './store.ts'

/** The token endpoint, RFC 6749, 6: for agents that use a login in place of their agent token. */
export function createGrant({ store, now }: { store: Store; now: () => number }) {
  return { 'POST /oauth/token': grant }

  async function grant(ask: Ask): Promise<Answer> {
    if (!ask.headers.get('content-type')?.startsWith('application/x-www-form-urlencoded'))
      return refusal(400, 'invalid_request', 'The body has to be application/x-www-form-urlencoded.')
    const text = await readText(ask)
    if (typeof text !== 'string') return text
    const form = new URLSearchParams(text)
    if (!form.get('grant_type')) return refusal(400, 'invalid_request', 'grant_type is missing.')
    if (form.get('grant_type') !== 'refresh_token')
      return refusal(400, 'unsupported_grant_type', 'grant_type has to be refresh_token.')
    const token = ask.headers.get('x-nous-refresh-token') ?? form.get('refresh_token')
    if (!token) return refusal(400, 'invalid_request', 'refresh_token is missing.')
    const refresh = await prepareRefresh(token)
    if (!refresh) return refused('The refresh token is not one of this relay.')
    if (form.get('client_id') !== refresh.agentId)
      return refusal(
        401,
        'invalid_client',
        'client_id has to be the agent that the refresh token was made for.',
      )
    const outcome = await store.changeAgent(refresh.agentId, (agent: Agent | null) => {
      if (!agent) return { agent, result: 'unknown' as const }
      const changed = refreshed(agent, refresh, now())
      return { agent: changed.agent, result: changed.outcome }
    })
    if (outcome === 'granted') return json(200, grantBody(refresh))
    if (outcome === 'unknown') return refused('The refresh token is not one of this relay.')
    return refused('The login is revoked: a refresh token was used twice. Make a new login.')
  }
}

function refused(description: string): Answer {
  return refusal(400, 'invalid_grant', description)
}
