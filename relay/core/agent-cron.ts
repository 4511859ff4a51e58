import { type Agent, isAccepted } from './agent.ts'
import type { ArmRequest } from './arm.ts'
import {
  type Answer,
  type Ask,
  bearer,
  busy,
  type Fields,
  json,
  readFields,
  refusal,
  unauthorized,
} from './answer.ts'
import type { Budgets } from './budget.ts'
import { within } from './callback.ts'
import { readInstant } from './instant.ts'
import { hashOf, readToken } from './secret.ts'
import type { Settings } from './settings.ts'
import type { Store } from './store.ts'

type AgentCronNeeds = { store: Store; settings: Settings; budgets: Budgets; now: () => number }

/** The three calls of an agent: docs/contract.md, "Arms". */
export function createAgentCron({ store, settings, budgets, now }: AgentCronNeeds) {
  async function provision(agent: Agent, ask: Ask): Promise<Answer> {
    const waitS = budgets.take(agent.id, agent.quota.provisionsPerMinute, now())
    if (waitS > 0) {
      const most = agent.quota.provisionsPerMinute
      return busy('too_many_provisions', `Rate limit of ${most} provisions per minute exceeded.`, waitS)
    }
    const read = await readFields(ask)
    if ('answer' in read) return read.answer
    const request = readProvision(agent, read.fields, now() + settings.horizonMs)
    if ('status' in request) return request
    const armed = await store.arm(request, agent.quota.rows)
    if (armed === 'gone') return unknownToken()
    if (armed === 'full') {
      const says = `This agent has ${agent.quota.rows} jobs armed, its quota. Cancel one, or raise its quota.`
      return busy('too_many_rows', says, 60)
    }
    return json(200, { schedule_id: armed.scheduleId })
  }

  async function cancel(agent: Agent, ask: Ask): Promise<Answer> {
    const read = await readFields(ask)
    if ('answer' in read) return read.answer
    const { job_id: jobId } = read.fields
    if (!isName(jobId)) return wrong(nameExpected(jobId))
    await store.disarm(agent.id, jobId)
    return json(200, { ok: true })
  }

  async function list(agent: Agent): Promise<Answer> {
    const arms = await store.listArms(agent.id)
    const armed = arms.map(({ jobId, fireAt, scheduleId }) => ({
      job_id: jobId,
      fire_at: fireAt,
      schedule_id: scheduleId,
    }))
    return json(200, { armed })
  }

  /** The agent whose token came with the request; null: none has it. */
  async function caller(ask: Ask): Promise<Agent | null> {
    const token = bearer(ask)
    const read = token === null ? null : readToken('rat', token)
    const agent = read && (await store.readAgent(read.agentId))
    return agent && isAccepted(agent, await hashOf(token ?? ''), now()) ? agent : null
  }

  const identified = (work: (agent: Agent, ask: Ask) => Promise<Answer>) => async (ask: Ask) => {
    const agent = await caller(ask)
    return agent ? work(agent, ask) : unknownToken()
  }
  return {
    'POST /api/agent-cron/provision': identified(provision),
    'POST /api/agent-cron/cancel': identified(cancel),
    'GET /api/agent-cron/list': identified(list),
  }
}

function unknownToken(): Answer {
  return unauthorized('The access token is missing, unknown, expired or revoked.')
}

function readProvision(agent: Agent, fields: Fields, latestMs: number): ArmRequest | Answer {
  const { job_id: jobId, fire_at: fireAt, agent_callback_url: callback, dedup_key: dedupKey } = fields
  const fireAtMs = readInstant(fireAt)
  if (!isName(jobId)) return wrong(nameExpected(jobId))
  if (typeof fireAt !== 'string' || fireAtMs === null)
    return wrong(`fire_at is ${JSON.stringify(fireAt)}; write an ISO 8601 instant with an offset.`)
  if (dedupKey !== `${jobId}:${fireAt}`)
    return wrong(`dedup_key is ${JSON.stringify(dedupKey)}; it has to be "${jobId}:${fireAt}".`)
  if (fireAtMs > latestMs)
    return refusal(
      422,
      'fire_at_too_far',
      `fire_at is ${fireAt}; the latest is ${new Date(latestMs).toISOString()}.`,
    )
  const callbackUrl = within(agent.callbackUrls, callback)
  if (callbackUrl === null) {
    const says = `agent_callback_url is ${JSON.stringify(callback)}; agent ${agent.id} is registered with ${agent.callbackUrls.join(', ')}.`
    return refusal(422, 'callback_not_allowed', `${says} Set CALLBACK_URL to that, or change the agent.`)
  }
  return { agentId: agent.id, jobId, scheduleId: `sch_${crypto.randomUUID()}`, fireAt, fireAtMs, callbackUrl }
}

function nameExpected(given: unknown): string {
  return `job_id is ${JSON.stringify(given)}; it has to be a text of 1 to 200 characters.`
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= 200
}

function wrong(description: string): Answer {
  return refusal(400, 'invalid_request', description)
}
