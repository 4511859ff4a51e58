import type { Agent, Arm, Armed, ArmRequest, Environment, SigningKey } from '../core/index.ts'

/** A record with the number of its last change, for compare-and-set. */
export type KeptKeys = { version: number; keys: SigningKey[] }
export type KeptAgent = { version: number; agent: Agent | null }

/** The one object of its kind: the signing keys, and the names of all agents. */
export type Directory = {
  readKeys(): KeptKeys
  /** False: another change came first, and nothing is written. */
  replaceKeys(version: number, keys: SigningKey[]): boolean
  addAgent(agentId: string): void
  removeAgent(agentId: string): void
  agentIds(): string[]
}

/** An agent, and the registry of what it has armed: what `list` answers. */
export type AgentRegistry = {
  read(): Agent | null
  readKept(): KeptAgent
  /** False: another change came first, and nothing is written. Null forgets all that is armed, too. */
  replace(version: number, agent: Agent | null): boolean
  arm(request: ArmRequest, mostRows: number): Promise<Armed>
  disarm(jobId: string): Promise<void>
  listArms(): Arm[]
  /** A job's object says that its try failed, and when the next one is due. */
  tried(arm: Arm): void
  /** A job's object says that it needs no further try. */
  ended(arm: Pick<Arm, 'jobId' | 'scheduleId'>): void
}

/** The arm of one (agent, job). `agentCreatedMs` tells an agent from a later one with the same name. */
export type JobArm = {
  arm(request: ArmRequest, agentCreatedMs: number): Promise<Arm>
  disarm(): Promise<void>
}

/** An object elsewhere: its methods are called through the network. */
type Remote<T> = {
  [K in keyof T]: T[K] extends (...args: infer Args) => infer Result
    ? (...args: Args) => Promise<Awaited<Result>>
    : never
}
type Namespace<T> = { getByName(name: string): Remote<T> & { fetch(request: Request): Promise<Response> } }

/** The bindings of wrangler.jsonc. The variables are beside them. */
export type Bindings = {
  readonly DIRECTORY: Namespace<Directory>
  readonly AGENTS: Namespace<AgentRegistry>
  readonly JOBS: Namespace<JobArm>
}
export type Env = Environment & Bindings
