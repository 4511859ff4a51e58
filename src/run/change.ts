import type { ArmOrder, Look, Store } from '../../db/index.ts'
import type { Arming } from '../arming/arming.ts'
import type { Decision } from '../decisions/index.ts'
import { AppError } from '../ground/errors.ts'
import { notFound } from '../ground/not-found.ts'
import type { Admission, Taken } from './admission.ts'

/** The job after the change. `armed` false: its wake-up moved to earlier and NAS has not confirmed that yet. */
export type Saved = {
  look: Look
  armed: boolean
  /** The job as it was when the change was decided; absent: nothing was to be changed. */
  before?: Look
}

/** Changes of a job that a caller waits for. */
export type Changes = {
  /** `decide` is asked again with each new look, until its decision is written; null: nothing is to be changed. */
  apply(
    jobId: string,
    decide: (look: Look) => Decision | null | Promise<Decision | null>,
    options?: { output?: string | null; startedBy?: string | null },
  ): Promise<Saved>
  /** Makes the wake-up sure and reads the job again, so that the answer is current. */
  makeSure(jobId: string, wish: { needed: boolean; order?: ArmOrder | null }): Promise<Saved>
  /** @throws AppError JOB_NOT_FOUND */
  lookAt(jobId: string): Promise<Look>
}

type ChangesNeeds = {
  store: Pick<Store, 'look'>
  enact: Admission['enact']
  /** Begins the work that the change has taken for this process. */
  begin: (taken: Taken) => void
  arming: Pick<Arming, 'armChanged'>
}

/** How long a client waits for NAS: if its change needs the arm, and if it does not. */
const neededMs = 10_000
const leisureMs = 2_000
export const maxRounds = 20

/** Decided upon a look, written by compare-and-set, begun, and armed before the change is promised. */
export function createChanges({ store, enact, begin, arming }: ChangesNeeds): Changes {
  const apply: Changes['apply'] = async (jobId, decide, options = {}) => {
    for (let round = 0; round < maxRounds; round++) {
      const look = await lookAt(jobId)
      const decision = await decide(look)
      if (!decision) return makeSure(jobId, { needed: true })
      const enacted = await enact(look, decision, options)
      if (!enacted) continue
      begin(enacted.taken)
      // the arm lease came with the write: dropping the order would keep every process from arming until it ends
      const saved = await makeSure(jobId, {
        needed: isEarlier(look, decision),
        order: enacted.written.order,
      })
      return { ...saved, before: look }
    }
    throw new AppError(
      'JOB_STATE_CONFLICT',
      `The job changed ${maxRounds} times meanwhile. Retry the request.`,
    )
  }

  const makeSure: Changes['makeSure'] = async (jobId, { needed, order = null }) => {
    const state = await arming.armChanged(jobId, { order, budgetMs: needed ? neededMs : leisureMs })
    return { look: await lookAt(jobId), armed: state !== 'owed' || !needed }
  }

  async function lookAt(jobId: string): Promise<Look> {
    const look = await store.look(jobId)
    if (!look) throw notFound('job', jobId)
    return look
  }

  return { apply, makeSure, lookAt }
}

/** An earlier wake-up has to be armed before it is promised; a later one can wait. Leases begin now, so they are earlier. */
export function isEarlier({ registry }: Look, decision: Decision | null): boolean {
  if (!decision) return registry.armedGen < registry.wakeGen
  if (decision.starts.length > 0 || decision.sends.length > 0) return true
  const { wakeTerm } = decision
  return wakeTerm !== null && (registry.wakeAt === null || wakeTerm < registry.wakeAt)
}
