import { randomBytes } from 'node:crypto'

type Login = { agent: string; refreshToken: string; spent: string[]; isRevoked: boolean }
type Access = { token: string; agent: string; refreshedFrom: string | null; expiresMs: number | null }

export type SavedLogins = { logins: Login[]; access: Access[] }
export type Logins = ReturnType<typeof createLogins>

export type TokenAnswer = { status: number; body: Record<string, unknown> }

// RFC 6749 leaves it to the server; the contract says about 15 minutes.
const accessLifetimeS = 900

type LoginsInput = {
  clientId: string
  now: () => number
  saved?: SavedLogins | undefined
}

/**
 * Who may call: logins whose refresh tokens rotate, and access tokens. Using a refresh token for the second time
 * revokes its whole login, access tokens included.
 */
export function createLogins({ clientId, now, saved }: LoginsInput) {
  const logins: Login[] = saved?.logins ?? []
  let access: Access[] = saved?.access ?? []
  const loginOf = (token: string) =>
    logins.find((login) => login.refreshToken === token || login.spent.includes(token))

  const isRevoked = ({ refreshedFrom }: Access) =>
    refreshedFrom !== null && loginOf(refreshedFrom)?.isRevoked !== false
  const isLive = (one: Access) => !isRevoked(one) && (one.expiresMs === null || one.expiresMs > now())

  const allow = (
    token: string,
    agent: string,
    options: { lifetimeS: number | null; refreshedFrom?: string },
  ) => {
    access = access.filter(isLive)
    const expiresMs = options.lifetimeS === null ? null : now() + options.lifetimeS * 1_000
    access.push({ token, agent, refreshedFrom: options.refreshedFrom ?? null, expiresMs })
    return token
  }

  const refresh = (given: string): TokenAnswer => {
    const login = loginOf(given)
    if (!login) return refused(400, 'invalid_grant', 'the refresh token is not one that was given out here')
    if (login.refreshToken !== given) login.isRevoked = true
    if (login.isRevoked)
      return refused(400, 'invalid_grant', 'the login is revoked: a person has to log in again')
    const accessToken = allow(secret('at'), login.agent, { lifetimeS: accessLifetimeS, refreshedFrom: given })
    login.spent.push(given)
    login.refreshToken = secret('rt')
    const body = { access_token: accessToken, token_type: 'Bearer', expires_in: accessLifetimeS }
    return { status: 200, body: { ...body, refresh_token: login.refreshToken } }
  }

  return {
    /** A new login of the agent, as if a person had just logged in; its first refresh token. */
    open(agent: string, refreshToken = secret('rt')): string {
      if (!loginOf(refreshToken)) logins.push({ agent, refreshToken, spent: [], isRevoked: false })
      return refreshToken
    },

    /** The refresh token that is good now, for the newest login of the agent. */
    refreshToken: (agent: string) => logins.findLast((login) => login.agent === agent)?.refreshToken,

    /** An access token outside every login; `lifetimeS` null: it does not expire. */
    issue: (agent: string, lifetimeS: number | null, token = secret('at')) =>
      allow(token, agent, { lifetimeS }),

    /** The agent that the access token speaks for; null if it is unknown, expired or revoked. */
    agentOf: (token: string) => access.find((one) => one.token === token && isLive(one))?.agent ?? null,

    /** Revokes every login of the agent. */
    revoke(agent: string): void {
      for (const login of logins) if (login.agent === agent) login.isRevoked = true
    },

    /** The answer of the token endpoint to a form (RFC 6749, sections 5 and 6) and the refresh token that came with it. */
    grant(form: URLSearchParams, refreshToken: string | undefined): TokenAnswer {
      const grantType = form.get('grant_type')
      if (!grantType) return refused(400, 'invalid_request', 'grant_type is missing')
      if (grantType !== 'refresh_token') {
        return refused(400, 'unsupported_grant_type', `grant_type is ${grantType}, expected refresh_token`)
      }
      if (form.get('client_id') !== clientId)
        return refused(401, 'invalid_client', 'the client_id is not known')
      if (!refreshToken) return refused(400, 'invalid_request', 'refresh_token is missing')
      return refresh(refreshToken)
    },

    save: (): SavedLogins => ({ logins, access }),
  }
}

function refused(status: number, error: string, description: string): TokenAnswer {
  return { status, body: { error, error_description: description } }
}

function secret(kind: 'at' | 'rt'): string {
  return `${kind}_${randomBytes(24).toString('base64url')}`
}
