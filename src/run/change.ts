import type { ArmOrder, Look, Store } from '../../db/index.ts'
import type { ArmState } from '../arming/arm.ts'
import type { Admit } from './admission.ts'
import type { Decision } from '../decisions/index.ts'
import { AppError } from '../ground/errors.ts'
import type { JobChange } from '../arming/index.ts'

/** The job after the change. `armed` false: its wake-up moved to earlier and NAS has not confirmed that yet. */
export type Saved = { look: Look; armed: boolean }

type Parts = {
  store: Store
  admit: Admit
  ensureArmed: (change: JobChange, budgetMs: number) => Promise<ArmState>
}

export type Transit = ReturnType<typeof createTransit>

/** How long a client waits for NAS: where its change needs the arm, and where it does not. */
const neededMs = 10_000
const leisureMs = 2_000
export const maxRounds = 20

/** Changes of a job that somebody waits for: decided upon a look, written by compare-and-set, armed before they are promised. */
export function createTransit({ store, admit, ensureArmed }: Parts) {
  /** `decide` is asked again with each new look, until its decision is written; null: nothing is to be changed. */
  async function transit(
    jobId: string,
    decide: (look: Look) => Decision | null,
    { output = null, startedBy = null }: { output?: string | null; startedBy?: string | null } = {},
  ): Promise<Saved> {
    for (let round = 0; round < maxRounds; round++) {
      const look = await lookAt(jobId)
      const decision = decide(look)
      if (!decision) return makeSure(jobId, { needed: true })
      const written = await admit(look, decision, { output, startedBy })
      // the arm lease came with the write: whoever drops the order keeps everybody from arming until it ends
      if (written) return makeSure(jobId, { needed: isEarlier(look, decision), order: written.order })
    }
    throw new AppError(
      'JOB_STATE_CONFLICT',
      `the job changed ${maxRounds} times meanwhile; expected a quieter moment`,
    )
  }

  /** Makes the wake-up sure and reads the job again, so that what is answered is what is so. */
  async function makeSure(
    jobId: string,
    { needed, order = null }: { needed: boolean; order?: ArmOrder | null },
  ): Promise<Saved> {
    const state = await ensureArmed({ jobId, order }, needed ? neededMs : leisureMs)
    return { look: await lookAt(jobId), armed: state !== 'owed' || !needed }
  }

  /** @throws AppError JOB_NOT_FOUND */
  async function lookAt(jobId: string): Promise<Look> {
    const look = await store.look(jobId)
    if (!look) throw jobNotFound(jobId)
    return look
  }

  return { transit, makeSure, lookAt }
}

/** An earlier wake-up has to be armed before it is promised; a later one can wait. Leases begin now, so they are earlier. */
export function isEarlier({ registry }: Look, decision: Decision | null): boolean {
  if (!decision) return registry.armedGen < registry.wakeGen
  if (decision.starts.length > 0 || decision.sends.length > 0) return true
  const { wakeTerm } = decision
  return wakeTerm !== null && (registry.wakeAt === null || wakeTerm < registry.wakeAt)
}

export function jobNotFound(jobId: string): AppError {
  return new AppError('JOB_NOT_FOUND', `job ${jobId} was given; there is none with this id`)
}
