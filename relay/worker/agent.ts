import { DurableObject } from 'cloudflare:workers'
import type { Agent, Arm, Armed, ArmRequest } from '../core/index.ts'
import { answerOf, relayOf } from './relay.ts'
import type { AgentRegistry, Env, KeptAgent } from './runtime.ts'

/**
 * An agent, and the registry of what it has armed: what `list` answers. The arms themselves are in the jobs' objects. A
 * job's object is written first: an arm that the registry lacks is repaired by the service's next reconciliation, while
 * one that only the registry has would be a lost wake-up.
 */
export class AgentObject extends DurableObject<Env> implements AgentRegistry {
  /** What is under way for a job. Calls for one job take turns, so that the registry is written in the order of the arms. */
  readonly #turns = new Map<string, Promise<unknown>>()
  /** Jobs whose first row is being made. Only these count towards the agent's rows before they are there. */
  readonly #adding = new Set<string>()
  #relay: ReturnType<typeof relayOf> | null = null

  /** The calls of the agent. All of them come here, so that its rate limit is one. */
  async fetch(request: Request): Promise<Response> {
    this.#relay ??= relayOf(this.env, { id: this.#id(), object: this })
    return answerOf(await this.#relay, request)
  }

  read(): Agent | null {
    return this.readKept().agent
  }

  readKept(): KeptAgent {
    const kept = this.ctx.storage.kv.get('agent') as KeptAgent | undefined
    return kept ?? { version: 0, agent: null }
  }

  replace(version: number, agent: Agent | null): boolean {
    const { kv } = this.ctx.storage
    if (this.readKept().version !== version) return false
    kv.put('agent', { version: version + 1, agent } satisfies KeptAgent)
    // The jobs' objects find out when they are due: their agent is not the one that armed them.
    if (agent === null) for (const { jobId } of this.listArms()) this.#removeRow(jobId)
    return true
  }

  arm(request: ArmRequest, mostRows: number): Promise<Armed> {
    return this.#inTurn(request.jobId, async () => {
      const agent = this.read()
      if (!agent) return 'gone'
      if (this.#row(request.jobId) === undefined) {
        if (this.#count() + this.#adding.size >= mostRows) return 'full'
        this.#adding.add(request.jobId)
      }
      try {
        const armed = await this.#job(request.jobId).arm(request, agent.createdMs)
        if (this.read()?.createdMs !== agent.createdMs) return 'gone'
        this.#putRow(armed)
        return { scheduleId: armed.scheduleId }
      } finally {
        this.#adding.delete(request.jobId)
      }
    })
  }

  async disarm(jobId: string): Promise<void> {
    await this.#inTurn(jobId, async () => {
      await this.#job(jobId).disarm()
      this.#removeRow(jobId)
    })
  }

  listArms(): Arm[] {
    return Array.from(this.ctx.storage.kv.list({ prefix: 'row:' }), ([, arm]) => arm as Arm)
  }

  tried(arm: Arm): void {
    if (this.#row(arm.jobId)?.scheduleId === arm.scheduleId) this.ctx.storage.kv.put(rowKey(arm.jobId), arm)
  }

  ended({ jobId, scheduleId }: Pick<Arm, 'jobId' | 'scheduleId'>): void {
    if (this.#row(jobId)?.scheduleId === scheduleId) this.#removeRow(jobId)
  }

  #id(): string {
    const { name } = this.ctx.id
    if (name === undefined) throw new Error('an agent object is reached by its name')
    return name
  }

  #job(jobId: string) {
    return this.env.JOBS.getByName(`${this.#id()}/${jobId}`)
  }

  #count(): number {
    return (this.ctx.storage.kv.get('rows') as number | undefined) ?? 0
  }

  #row(jobId: string): Arm | undefined {
    return this.ctx.storage.kv.get(rowKey(jobId)) as Arm | undefined
  }

  #putRow(arm: Arm): void {
    const { kv } = this.ctx.storage
    if (!this.#row(arm.jobId)) kv.put('rows', this.#count() + 1)
    kv.put(rowKey(arm.jobId), arm)
  }

  #removeRow(jobId: string): void {
    if (this.ctx.storage.kv.delete(rowKey(jobId))) this.ctx.storage.kv.put('rows', this.#count() - 1)
  }

  async #inTurn<T>(jobId: string, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(jobId)
    const turn = (before ?? Promise.resolve()).then(work, work)
    this.#turns.set(jobId, turn)
    try {
      return await turn
    } finally {
      if (this.#turns.get(jobId) === turn) this.#turns.delete(jobId)
    }
  }
}

function rowKey(jobId: string): string {
  return `row:${jobId}`
}
