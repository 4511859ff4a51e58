import type { Changed, Agent, Store } from '../core/index.ts'
import type { AgentRegistry, Env } from './runtime.ts'

/** An agent's own object, if the store is used within it: it does not call itself through the network. */
export type Own = { id: string; object: AgentRegistry }

/** The relay's store, spread over objects. A change is a compare-and-set, tried again if another came first. */
export function createStore(env: Env, own: Own | null): Store {
  const directory = () => env.DIRECTORY.getByName('directory')
  const agent = (id: string) => (own?.id === id ? own.object : env.AGENTS.getByName(id))
  return {
    readAgent: async (id) => agent(id).read(),
    async listAgents() {
      const agents = await Promise.all((await directory().agentIds()).map(async (id) => agent(id).read()))
      return agents.filter((one) => one !== null)
    },
    async changeAgent<T>(id: string, change: (agent: Agent | null) => Changed<T>): Promise<T> {
      for (;;) {
        const held = await agent(id).readKept()
        const { agent: next, result } = change(held.agent)
        if (next === held.agent) return result
        // Listed before it exists: a name without an agent is passed over, an agent without a name would be hidden.
        if (next && !held.agent) await directory().addAgent(id)
        if (!(await agent(id).replace(held.version, next))) continue
        if (!next) await directory().removeAgent(id)
        return result
      }
    },
    readKeys: async () => (await directory().readKeys()).keys,
    async changeKeys(change) {
      for (;;) {
        const { version, keys } = await directory().readKeys()
        const next = change(keys)
        if (next === keys || (await directory().replaceKeys(version, next))) return next
      }
    },
    arm: (request, mostRows) => agent(request.agentId).arm(request, mostRows),
    disarm: (agentId, jobId) => agent(agentId).disarm(jobId),
    listArms: async (agentId) => agent(agentId).listArms(),
  }
}
