import type { Arm } from '../../relay/core/index.ts'

/** The `dueMs` of a row that was delivered and is kept: the last instant that a Date can be. */
export const never = 8.64e15

export type Key = Pick<Arm, 'agentId' | 'jobId' | 'scheduleId'>
export type SavedArms = { rows: Arm[]; ghosts: Arm[] }
export type Arms = ReturnType<typeof createArms>

/**
 * What is armed: the rows of the relay, one for each (agent, job), and beside them the ghosts, which a relay does not
 * have: arms that were replaced or cancelled and whose fires come all the same. Each change is complete when it returns.
 */
export function createArms(saved: SavedArms = { rows: [], ghosts: [] }) {
  const keyOf = ({ agentId, jobId }: Pick<Arm, 'agentId' | 'jobId'>) => `${agentId} ${jobId}`
  const rows = new Map(saved.rows.map((arm) => [keyOf(arm), arm]))
  const ghosts = new Map(saved.ghosts.map((arm) => [arm.scheduleId, arm]))

  const row = (agentId: string, jobId: string) => rows.get(keyOf({ agentId, jobId }))
  const isRow = (arm: Key) => rows.get(keyOf(arm))?.scheduleId === arm.scheduleId
  const all = () => [...rows.values(), ...ghosts.values()]
  return {
    row,
    isRow,
    all,
    rowsOf: (agentId: string) => [...rows.values()].filter((arm) => arm.agentId === agentId),
    ofJob: (agentId: string, jobId: string) =>
      all().filter((arm) => arm.agentId === agentId && arm.jobId === jobId),
    /** As it is held now, by its schedule id. */
    find: (arm: Key) => ghosts.get(arm.scheduleId) ?? (isRow(arm) ? row(arm.agentId, arm.jobId) : undefined),
    /** The arm of that schedule id as it is from now on; a new one becomes the row of its job. */
    put(arm: Arm): void {
      if (ghosts.has(arm.scheduleId)) ghosts.set(arm.scheduleId, arm)
      else rows.set(keyOf(arm), arm)
    },
    /** An arm whose row is gone or another's, and that is owed all the same. */
    haunt: (arm: Arm) => void ghosts.set(arm.scheduleId, arm),
    remove(arm: Arm): void {
      if (!ghosts.delete(arm.scheduleId) && isRow(arm)) rows.delete(keyOf(arm))
    },
    save: (): SavedArms => ({ rows: [...rows.values()], ghosts: [...ghosts.values()] }),
  }
}

/** Whether a try has begun and none was taken yet. */
export function isOwed(arm: Arm): boolean {
  return arm.tries > 0 && arm.dueMs !== never
}
