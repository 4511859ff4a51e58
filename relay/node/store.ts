import type { DatabaseSync } from 'node:sqlite'
import {
  type Agent,
  type Arm,
  begun,
  type FireOutcome,
  provisioned,
  type Settled,
  settled,
  type SigningKey,
  type Store,
} from '../core/index.ts'
import { createBatch } from './batch.ts'

export type Try = { arm: Arm; agent: Agent }

export type SqliteStore = Store & {
  /** The hash of the admin secret that was made at the first start. */
  adminHash(): string | null
  keepAdminHash(hash: string): Promise<void>
  /**
   * Begins a try of each arm that is due and that `isFree` lets through, at most `most`. `taken` is called for each within
   * the transaction. Arms whose tries are used up are deleted and come back too, as `givenUp`.
   */
  begin(input: BeginInput): Promise<{ tries: Try[]; givenUp: Arm[] }>
  settle(tried: Arm, outcome: FireOutcome, nowMs: number): Promise<Settled>
  /** When the next try is due that `isFree` lets through. */
  nextDueMs(isFree: (arm: DueArm) => boolean, skipped: readonly string[]): number | null
}

export type DueArm = Pick<Arm, 'agentId' | 'scheduleId' | 'dueMs'>
type BeginInput = {
  nowMs: number
  most: number
  /** Agents that have no room for more. */
  skipped: readonly string[]
  isFree: (arm: DueArm) => boolean
  taken: (arm: Arm) => void
}

type StoreNeeds = {
  database: DatabaseSync
  gapsMs: readonly number[]
  /** Called when an arm was stored, after the transaction. */
  armed: (arm: Arm) => void
}

/** All that the relay knows, in one SQLite database. */
export function createStore({ database, gapsMs, armed }: StoreNeeds): SqliteStore {
  const sql = statements(database)
  const batch = createBatch(database)

  const readAgent = (id: string) => {
    const row = sql.agent.get(id)
    return row ? (JSON.parse(String(row['record'])) as Agent) : null
  }
  const readArm = (agentId: string, jobId: string) => {
    const row = sql.arm.get(agentId, jobId)
    return row ? armOf(row) : null
  }
  const readKeys = () => {
    const row = sql.meta.get('keys')
    return row ? (JSON.parse(String(row['value'])) as SigningKey[]) : []
  }
  const putArm = (arm: Arm) =>
    sql.putArm.run(
      arm.agentId,
      arm.jobId,
      arm.scheduleId,
      arm.fireAt,
      arm.fireAtMs,
      arm.callbackUrl,
      arm.tries,
      arm.dueMs,
    )

  return {
    readAgent: (id) => Promise.resolve(readAgent(id)),
    listAgents: () =>
      Promise.resolve(sql.agents.all().map((row) => JSON.parse(String(row['record'])) as Agent)),
    changeAgent: (id, change) =>
      batch(() => {
        const before = readAgent(id)
        const { agent, result } = change(before)
        if (agent === before) return result
        if (agent) sql.putAgent.run(id, JSON.stringify(agent))
        else sql.deleteAgent.run(id)
        return result
      }),

    readKeys: () => Promise.resolve(readKeys()),
    changeKeys: (change) =>
      batch(() => {
        const keys = change(readKeys())
        sql.putMeta.run('keys', JSON.stringify(keys))
        return keys
      }),
    adminHash: () => {
      const row = sql.meta.get('admin_hash')
      return row ? String(row['value']) : null
    },
    keepAdminHash: (hash) => batch(() => void sql.putMeta.run('admin_hash', hash)),

    async arm(request, mostRows) {
      const { agentId, jobId } = request
      const stored = await batch(() => {
        const held = readArm(agentId, jobId)
        if (!held && !sql.hasAgent.get(agentId)) return 'gone'
        if (!held && Number(sql.count.get(agentId)?.['rows']) >= mostRows) return 'full'
        const arm = provisioned(held, request)
        putArm(arm)
        return arm
      })
      if (typeof stored === 'string') return stored
      armed(stored)
      return { scheduleId: stored.scheduleId }
    },
    disarm: (agentId, jobId) => batch(() => void sql.deleteArm.run(agentId, jobId)),
    listArms: (agentId) => Promise.resolve(sql.armsOf.all(agentId).map(armOf)),

    begin: ({ nowMs, most, skipped, isFree, taken }) =>
      batch(() => {
        const tries: Try[] = []
        const givenUp: Arm[] = []
        for (const row of sql.due.iterate(nowMs, JSON.stringify(skipped))) {
          const arm = armOf(row)
          if (!isFree(arm)) continue
          const agent = readAgent(arm.agentId)
          const tried = begun(arm, nowMs, gapsMs)
          if (!tried || !agent) givenUp.push(arm)
          else {
            taken(tried)
            tries.push({ arm: tried, agent })
          }
          if (tries.length + givenUp.length >= most) break
        }
        for (const { arm } of tries) putArm(arm)
        for (const arm of givenUp) sql.deleteArm.run(arm.agentId, arm.jobId)
        return { tries, givenUp }
      }),
    settle: (tried, outcome, nowMs) =>
      batch(() => {
        const result = settled(readArm(tried.agentId, tried.jobId), { tried, outcome, nowMs, gapsMs })
        if (result.verdict === 'retry') putArm(result.arm)
        else if (result.verdict !== 'stale') sql.deleteArm.run(tried.agentId, tried.jobId)
        return result
      }),
    nextDueMs(isFree, skipped) {
      for (const row of sql.byDue.iterate(JSON.stringify(skipped))) {
        const arm = armOf(row)
        if (isFree(arm)) return arm.dueMs
      }
      return null
    },
  }
}

function statements(database: DatabaseSync) {
  const prepare = (text: string) => database.prepare(text)
  const free = 'agent_id not in (select value from json_each(?))'
  return {
    agent: prepare('select record from agents where id = ?'),
    hasAgent: prepare('select 1 from agents where id = ?'),
    agents: prepare('select record from agents order by id'),
    putAgent: prepare(
      'insert into agents values (?, ?) on conflict (id) do update set record = excluded.record',
    ),
    deleteAgent: prepare('delete from agents where id = ?'),
    meta: prepare('select value from meta where name = ?'),
    putMeta: prepare(
      'insert into meta values (?, ?) on conflict (name) do update set value = excluded.value',
    ),
    arm: prepare('select * from arms where agent_id = ? and job_id = ?'),
    armsOf: prepare('select * from arms where agent_id = ? order by fire_at_ms, job_id'),
    count: prepare('select count(*) as rows from arms where agent_id = ?'),
    putArm: prepare('insert or replace into arms values (?, ?, ?, ?, ?, ?, ?, ?)'),
    deleteArm: prepare('delete from arms where agent_id = ? and job_id = ?'),
    due: prepare(`select * from arms where due_ms <= ? and ${free} order by due_ms`),
    byDue: prepare(`select * from arms where ${free} order by due_ms`),
  }
}

function armOf(row: Record<string, unknown>): Arm {
  return {
    agentId: String(row['agent_id']),
    jobId: String(row['job_id']),
    scheduleId: String(row['schedule_id']),
    fireAt: String(row['fire_at']),
    fireAtMs: Number(row['fire_at_ms']),
    callbackUrl: String(row['callback_url']),
    tries: Number(row['tries']),
    dueMs: Number(row['due_ms']),
  }
}
