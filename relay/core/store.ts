import type { Agent } from './agent.ts'
import type { Arm, ArmRequest } from './arm.ts'
import type { SigningKey } from './keys.ts'

/**
 * The storage of a relay on its host. Each function is complete, and survives the death of the process, when it
 * resolves. A `change` is pure and synchronous; a host may call it again if another change came first.
 */
export type Store = {
  readAgent(agentId: string): Promise<Agent | null>
  listAgents(): Promise<Agent[]>
  /**
   * Reads, changes and writes in one step. The agent that `change` returns is stored; null deletes it with all that it
   * has armed; the very same object leaves it as it is.
   */
  changeAgent<T>(agentId: string, change: (agent: Agent | null) => Changed<T>): Promise<T>

  readKeys(): Promise<SigningKey[]>
  changeKeys(change: (keys: SigningKey[]) => SigningKey[]): Promise<SigningKey[]>

  /**
   * Applies `provisioned` to the job's arm, and sees to it that its try comes. `mostRows` limits how many jobs of the
   * agent may be armed: `full` if this one would be one too many. `gone`: there is no such agent any more.
   */
  arm(request: ArmRequest, mostRows: number): Promise<Armed>
  /** Deletes the job's arm, with the retries that it owes. One that does not exist is fine. */
  disarm(agentId: string, jobId: string): Promise<void>
  listArms(agentId: string): Promise<Arm[]>
}

export type Changed<T> = { agent: Agent | null; result: T }
export type Armed = { scheduleId: string } | 'full' | 'gone'
