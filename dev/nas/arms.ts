import { randomUUID } from 'node:crypto'
import type { Arm as RelayArm } from '../../relay/core/index.ts'

/**
 * One one-shot. `isListed`: it is the row of its (agent, job); at most one arm is. An arm that was replaced while its
 * fire was under way lives on, unlisted, for as long as the fire is owed.
 *
 * waiting: its instant has not come, or a retry is due at `dueMs` · relaying: a fire is under way ·
 * delivered: acknowledged, and kept as a row by the misbehaviour `keep`.
 */
export type Arm = {
  scheduleId: string
  agent: string
  jobId: string
  fireAt: string
  fireAtMs: number
  /** The agent's base URL, as it was given. */
  callbackUrl: string
  state: 'waiting' | 'relaying' | 'delivered'
  /** Fires begun so far. */
  tries: number
  /** When the next retry is due; null before the first try. */
  dueMs: number | null
  isListed: boolean
}

export type ArmRequest = Pick<Arm, 'agent' | 'jobId' | 'fireAt' | 'fireAtMs' | 'callbackUrl'> & {
  dedupKey: string
}

export type SavedArms = { arms: Arm[]; dedupKeys: Record<string, string> }

export type Arms = ReturnType<typeof createArms>

// Old keys matter to the misbehaviour swallow_dedup only.
const mostDedupKeys = 2_000

/** An arm as the relay's decisions know it. */
export function asDecided({
  agent,
  jobId,
  scheduleId,
  fireAt,
  fireAtMs,
  callbackUrl,
  tries,
  dueMs,
}: Arm): RelayArm {
  return { agentId: agent, jobId, scheduleId, fireAt, fireAtMs, callbackUrl, tries, dueMs: dueMs ?? fireAtMs }
}

/** What the NAS holds armed. The change of each call is complete when it returns; `saved` is what a restart begins with. */
export function createArms(saved: SavedArms = { arms: [], dedupKeys: {} }) {
  // A fire that was under way when the process died may never have arrived: at least once, so it is owed.
  const arms = new Map(saved.arms.map((arm) => [arm.scheduleId, resumed(arm)]))
  const dedupKeys = new Map(Object.entries(saved.dedupKeys))

  const all = () => [...arms.values()]
  const listed = (agent: string) => all().filter((arm) => arm.agent === agent && arm.isListed)
  const ofJob = (agent: string, jobId: string) =>
    all().filter((arm) => arm.agent === agent && arm.jobId === jobId)
  const row = (agent: string, jobId: string) => ofJob(agent, jobId).find((arm) => arm.isListed)

  return {
    all,
    listed,
    ofJob,
    row,
    has: (arm: Arm) => arms.get(arm.scheduleId) === arm,
    remove: (arm: Arm) => void arms.delete(arm.scheduleId),

    /** Makes the arm the one row of its job. The row that it replaces is returned, unlisted and still held. */
    put(request: ArmRequest): { arm: Arm; replaced: Arm | undefined } {
      const { dedupKey, ...rest } = request
      const replaced = row(request.agent, request.jobId)
      if (replaced) replaced.isListed = false
      const arm: Arm = {
        scheduleId: `sch_${randomUUID()}`,
        ...rest,
        state: 'waiting',
        tries: 0,
        dueMs: null,
        isListed: true,
      }
      arms.set(arm.scheduleId, arm)
      dedupKeys.set(`${request.agent} ${dedupKey}`, arm.scheduleId)
      for (const key of [...dedupKeys.keys()].slice(0, -mostDedupKeys)) dedupKeys.delete(key)
      return { arm, replaced }
    },

    /** The schedule id that `dedupKey` was given at its first use, whether or not that arm still exists. */
    firstUse: (agent: string, dedupKey: string) => dedupKeys.get(`${agent} ${dedupKey}`),

    save: (): SavedArms => ({ arms: all(), dedupKeys: Object.fromEntries(dedupKeys) }),
  }
}

function resumed(arm: Arm): Arm {
  return arm.state === 'relaying' ? { ...arm, state: 'waiting' } : { ...arm }
}
