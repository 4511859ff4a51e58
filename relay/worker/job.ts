import { DurableObject } from 'cloudflare:workers'
import {
  type Arm,
  type ArmRequest,
  begun,
  isDue,
  type FireOutcome,
  provisioned,
  settled,
  usualFireTimeoutMs,
  usualRetryGapsMs,
} from '../core/index.ts'
import { failed, tell } from './log.ts'
import { senderOf } from './relay.ts'
import type { Env, JobArm } from './runtime.ts'

/** `agentCreatedMs` tells an agent from a later one with the same name. */
type Kept = { arm: Arm; agentCreatedMs: number }

const gapsMs = usualRetryGapsMs

/** The arm of one (agent, job), and the alarm that fires it. */
export class JobObject extends DurableObject<Env> implements JobArm {
  /** The try that is on its way. Lost with the object, which is then tried again after the gap that was stored before. */
  #flying: string | null = null

  async arm(request: ArmRequest, agentCreatedMs: number): Promise<Arm> {
    const held = this.#held()
    const arm = provisioned(held?.agentCreatedMs === agentCreatedMs ? held.arm : null, request)
    this.#keep({ arm, agentCreatedMs })
    await this.ctx.storage.setAlarm(arm.dueMs)
    return arm
  }

  async disarm(): Promise<void> {
    await this.ctx.storage.deleteAll()
  }

  /** May come twice, or late, or find that the arm was replaced: what is stored decides. */
  async alarm(): Promise<void> {
    const held = this.#held()
    if (!held) return
    const nowMs = Date.now()
    const isFlying = this.#flying === held.arm.scheduleId
    if (isFlying || !isDue(held.arm, nowMs))
      return this.ctx.storage.setAlarm(isFlying ? nowMs + usualFireTimeoutMs : held.arm.dueMs)
    const arm = begun(held.arm, nowMs, gapsMs)
    if (!arm) return this.#end(held, 'gave up', null)
    const tried = { ...held, arm }
    this.#keep(tried)
    await this.ctx.storage.setAlarm(arm.dueMs)
    // Before anything is sent: a process that dies now tries again.
    await this.ctx.storage.sync()
    // Not awaited: workerd calls no second alarm while one runs, and an arm that replaces this one may be due sooner.
    this.#flying = arm.scheduleId
    void this.#fly(tried)
  }

  async #fly(tried: Kept): Promise<void> {
    try {
      const agent = await this.#agent(tried).read()
      if (agent?.createdMs !== tried.agentCreatedMs) await this.#forget(tried)
      else await this.#settle(tried, await senderOf(this.env)(tried.arm, agent))
    } catch (error) {
      // It is tried again after the gap.
      failed(error)
    } finally {
      if (this.#flying === tried.arm.scheduleId) this.#flying = null
    }
  }

  async #settle(tried: Kept, outcome: FireOutcome): Promise<void> {
    const held = this.#held()
    const done = settled(held?.arm ?? null, { tried: tried.arm, outcome, nowMs: Date.now(), gapsMs })
    if (done.verdict === 'stale') return
    if (done.verdict !== 'retry')
      return this.#end(tried, done.verdict === 'delivered' ? 'fired' : 'gave up', outcome)
    tell('fired, will retry', tried.arm, outcome)
    this.#keep({ ...tried, arm: done.arm })
    await this.ctx.storage.setAlarm(done.arm.dueMs)
    await this.#agent(tried).tried(done.arm)
  }

  /** The registry first: dying in between, the row is fired again, which is allowed; the other order would list a row that never comes. */
  async #end(kept: Kept, says: string, outcome: FireOutcome | null): Promise<void> {
    tell(says, kept.arm, outcome)
    await this.#agent(kept).ended(kept.arm)
    await this.#forget(kept)
  }

  async #forget({ arm }: Kept): Promise<void> {
    if (this.#held()?.arm.scheduleId === arm.scheduleId) await this.ctx.storage.deleteAll()
  }

  #held(): Kept | undefined {
    return this.ctx.storage.kv.get('arm') as Kept | undefined
  }

  #keep(kept: Kept): void {
    this.ctx.storage.kv.put('arm', kept)
  }

  #agent({ arm }: Kept) {
    return this.env.AGENTS.getByName(arm.agentId)
  }
}
