import { type Agent, type Arm, provisioned, type SigningKey, type Store } from '../../relay/core/index.ts'
import type { Arms } from './arms.ts'

export type SavedStore = { agents: Agent[]; keys: SigningKey[] }

type StoreNeeds = {
  arms: Arms
  saved: SavedStore | undefined
  /** Called when an arm was stored. */
  armed: (arm: Arm) => void
}

/** The storage of the relay in memory. Each change is complete when the call returns, before its promise resolves. */
export function createStore({ arms, saved, armed }: StoreNeeds) {
  const agents = new Map(saved?.agents.map((agent) => [agent.id, agent]))
  let keys = saved?.keys ?? []

  const store: Store = {
    readAgent: (id) => Promise.resolve(agents.get(id) ?? null),
    listAgents: () => Promise.resolve([...agents.values()]),
    changeAgent(id, change) {
      const { agent, result } = change(agents.get(id) ?? null)
      if (agent) agents.set(id, agent)
      else if (agents.delete(id)) for (const arm of arms.rowsOf(id)) arms.remove(arm)
      return Promise.resolve(result)
    },
    readKeys: () => Promise.resolve(keys),
    changeKeys(change) {
      keys = change(keys)
      return Promise.resolve(keys)
    },
    arm(request, mostRows) {
      const { agentId, jobId } = request
      const held = arms.row(agentId, jobId) ?? null
      if (!agents.has(agentId)) return Promise.resolve('gone')
      if (!held && arms.rowsOf(agentId).length >= mostRows) return Promise.resolve('full')
      const arm = provisioned(held, request)
      arms.put(arm)
      armed(arm)
      return Promise.resolve({ scheduleId: arm.scheduleId })
    },
    disarm(agentId, jobId) {
      const held = arms.row(agentId, jobId)
      if (held) arms.remove(held)
      return Promise.resolve()
    },
    listArms: (agentId) => Promise.resolve(arms.rowsOf(agentId)),
  }
  return { ...store, save: (): SavedStore => ({ agents: [...agents.values()], keys }) }
}
