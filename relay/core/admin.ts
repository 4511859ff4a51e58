import { type Agent, isAgentId, newAgentToken, newLogin, type Quota, withToken } from './agent.ts'
import {
  type Answer,
  type Ask,
  bearer,
  type Fields,
  json,
  readFields,
  refusal,
  unauthorized,
} from './answer.ts'
import type { Budgets } from './budget.ts'
import { readBase } from './callback.ts'
import { hashOf, isSameHash, newSecret } from './secret.ts'
import type { Keyring } from './sender.ts'
import type { Settings } from './settings.ts'
import type { Store } from './store.ts'

type AdminNeeds = { store: Store; settings: Settings; budgets: Budgets; keyring: Keyring; now: () => number }
type Call = { ask: Ask; agentId: string; fields: Fields }

const longestGraceS = 7 * 86_400

/** The operations of the owner of the relay, with the admin secret: agents, their credentials, and the signing keys. */
export function createAdmin({ store, settings, budgets, keyring, now }: AdminNeeds) {
  const issuerFor = (ask: Ask) => settings.issuer ?? new URL(ask.url).origin

  async function create({ ask, fields }: Call): Promise<Answer> {
    const id = fields['agent_id'] ?? newSecret(6)
    if (typeof id !== 'string' || !isAgentId(id))
      return wrong(`agent_id has to be 1 to 63 lower-case letters, digits and hyphens.`)
    const read = await readSettings(fields)
    if ('status' in read) return read
    if (!read.callbackUrls)
      return wrong('callback_urls is missing: the public base URL of the service to wake.')
    const { token, hash } = await newAgentToken(id)
    const quota = { ...settings.quota, ...read.quota }
    const made: Agent = {
      id,
      issuer: issuerFor(ask),
      callbackUrls: read.callbackUrls,
      tokens: [{ hash, endsMs: null }],
      login: null,
      quota,
      createdMs: now(),
    }
    const isNew = await store.changeAgent(id, (agent) =>
      agent ? { agent, result: false } : { agent: made, result: true },
    )
    if (!isNew) return refusal(409, 'agent_exists', `There is an agent ${id} already.`)
    return json(201, {
      ...(await shown(made)),
      token,
      environment: environment(made, ask, { NAS_ACCESS_TOKEN: token }),
    })
  }

  async function list(): Promise<Answer> {
    const agents = await store.listAgents()
    return json(200, { agents: await Promise.all(agents.map((agent) => shown(agent))) })
  }

  async function show({ agentId }: Call): Promise<Answer> {
    const agent = await store.readAgent(agentId)
    if (!agent) return noAgent(agentId)
    const arms = await store.listArms(agentId)
    const armed = arms.map(({ jobId, fireAt, callbackUrl, tries, dueMs }) => ({
      job_id: jobId,
      fire_at: fireAt,
      callback_url: callbackUrl,
      tries,
      due_at: new Date(dueMs).toISOString(),
    }))
    return json(200, { ...(await shown(agent)), armed })
  }

  async function change({ agentId, fields }: Call): Promise<Answer> {
    const read = await readSettings(fields)
    if ('status' in read) return read
    const changed = await update(agentId, (agent) => ({
      ...agent,
      callbackUrls: read.callbackUrls ?? agent.callbackUrls,
      quota: { ...agent.quota, ...read.quota },
    }))
    return changed ? json(200, await shown(changed)) : noAgent(agentId)
  }

  async function remove({ agentId }: Call): Promise<Answer> {
    const wasThere = await store.changeAgent(agentId, (agent) => ({ agent: null, result: agent !== null }))
    budgets.forget(agentId)
    return wasThere ? { status: 204, headers: {}, body: null } : noAgent(agentId)
  }

  async function newTokenOf({ ask, agentId, fields }: Call): Promise<Answer> {
    const graceS = fields['old_token_valid_for_s'] ?? 0
    if (typeof graceS !== 'number' || !(graceS >= 0 && graceS <= longestGraceS))
      return wrong(`old_token_valid_for_s has to be a number from 0 to ${longestGraceS}.`)
    const { token, hash } = await newAgentToken(agentId)
    const times = { nowMs: now(), graceMs: graceS * 1_000 }
    const changed = await update(agentId, (agent) => withToken(agent, hash, times))
    if (!changed) return noAgent(agentId)
    return json(201, {
      agent_id: agentId,
      token,
      environment: environment(changed, ask, { NAS_ACCESS_TOKEN: token }),
    })
  }

  async function newLoginOf({ ask, agentId }: Call): Promise<Answer> {
    const { refreshToken, login } = await newLogin(agentId)
    const changed = await update(agentId, (agent) => ({ ...agent, login }))
    if (!changed) return noAgent(agentId)
    const variables = {
      NAS_TOKEN_URL: `${settings.issuer ?? changed.issuer}/oauth/token`,
      NAS_CLIENT_ID: agentId,
      NAS_REFRESH_TOKEN: refreshToken,
    }
    return json(201, {
      agent_id: agentId,
      refresh_token: refreshToken,
      environment: environment(changed, ask, variables),
    })
  }

  async function rotateKeys({ fields }: Call): Promise<Answer> {
    const isCompromised = fields['compromised'] ?? false
    if (typeof isCompromised !== 'boolean') return wrong('compromised has to be true or false.')
    await keyring.rotate(isCompromised)
    const signs = await keyring.signing()
    const shownKeys = (await keyring.published()).map(({ kid, signsFromMs }) => ({
      kid,
      signs: kid === signs.kid,
      signs_from: new Date(signsFromMs).toISOString(),
    }))
    return json(201, { keys: shownKeys })
  }

  async function update(agentId: string, work: (agent: Agent) => Agent): Promise<Agent | null> {
    return store.changeAgent(agentId, (agent) => {
      const changed = agent && work(agent)
      return { agent: changed, result: changed }
    })
  }

  async function shown(agent: Agent) {
    const { id, issuer, callbackUrls, quota, createdMs, login } = agent
    return {
      agent_id: id,
      audience: `agent:${id}`,
      issuer: settings.issuer ?? issuer,
      callback_urls: callbackUrls,
      rows: quota.rows,
      provisions_per_minute: quota.provisionsPerMinute,
      login: login === null ? null : login.isRevoked ? 'revoked' : 'good',
      created_at: new Date(createdMs).toISOString(),
    }
  }

  /** The variables of a Chronos that uses this relay, with those that hold its credential. */
  function environment(agent: Agent, ask: Ask, credential: Record<string, string>): Record<string, string> {
    return {
      CRON_PROVIDER: 'chronos',
      NAS_PORTAL_URL: settings.issuer ?? agent.issuer ?? issuerFor(ask),
      NAS_AUDIENCE: `agent:${agent.id}`,
      ...credential,
      CALLBACK_URL: agent.callbackUrls[0] ?? '',
    }
  }

  async function readSettings(
    fields: Fields,
  ): Promise<{ callbackUrls?: string[]; quota: Partial<Quota> } | Answer> {
    const known = ['agent_id', 'callback_urls', 'rows', 'provisions_per_minute']
    const strange = Object.keys(fields).filter((name) => !known.includes(name))
    if (strange.length > 0)
      return wrong(`There is no field ${strange.join(', ')}. Fields: ${known.join(', ')}.`)
    const quota: Partial<Quota> = {}
    for (const [name, field] of [
      ['rows', 'rows'],
      ['provisions_per_minute', 'provisionsPerMinute'],
    ] as const) {
      const value = fields[name]
      if (value === undefined) continue
      if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > 1_000_000)
        return wrong(`${name} has to be a whole number from 1 to 1000000.`)
      quota[field] = value
    }
    const { callback_urls: given } = fields
    if (given === undefined) return { quota }
    if (!Array.isArray(given) || given.length === 0 || given.length > 20)
      return wrong('callback_urls has to be a list of 1 to 20 base URLs.')
    const callbackUrls: string[] = []
    for (const one of given as unknown[]) {
      const read = readBase(one, settings.rules)
      const why = 'wrong' in read ? read.wrong : await whyNotResolved(read.base)
      if ('wrong' in read || why !== null)
        return refusal(422, 'callback_not_allowed', `callback_urls: ${JSON.stringify(one)} ${why}.`)
      callbackUrls.push(read.base)
    }
    return { callbackUrls, quota }
  }

  /** A name that cannot be looked up yet is fine: it is checked again whenever it is called. */
  async function whyNotResolved(base: string): Promise<string | null> {
    const { hostname } = new URL(base)
    const addresses = (await settings.resolve?.(hostname).catch(() => [])) ?? []
    return (
      addresses.map((address) => settings.rules.ofAddress(hostname, address)).find((why) => why !== null) ??
      null
    )
  }

  const owner =
    (work: (call: Call) => Promise<Answer>) =>
    async (ask: Ask, agentId = '') => {
      const secret = bearer(ask)
      if (secret === null || !isSameHash(await hashOf(secret), settings.adminHash))
        return unauthorized('This needs the admin secret of the relay: Authorization: Bearer SECRET.')
      const read = ask.method === 'GET' || ask.method === 'DELETE' ? { fields: {} } : await readFields(ask)
      return 'answer' in read ? read.answer : work({ ask, agentId, fields: read.fields })
    }
  return {
    'POST /agents': owner(create),
    'GET /agents': owner(list),
    'GET /agents/:id': owner(show),
    'PATCH /agents/:id': owner(change),
    'DELETE /agents/:id': owner(remove),
    'POST /agents/:id/token': owner(newTokenOf),
    'POST /agents/:id/login': owner(newLoginOf),
    'POST /keys/rotate': owner(rotateKeys),
  }
}

function wrong(description: string): Answer {
  return refusal(400, 'invalid_request', description)
}

function noAgent(agentId: string): Answer {
  return refusal(404, 'no_agent', `There is no agent ${agentId}.`)
}
