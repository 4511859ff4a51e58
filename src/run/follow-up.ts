import type { ArmState } from '../arming/arm.ts'
import type { Attend } from './admission.ts'
import type { Look, Written } from '../../db/index.ts'
import type { Decision, Trigger } from '../decisions/index.ts'
import type { Holds } from '../ground/holds.ts'
import type { Log } from '../ground/log.ts'
import type { JobChange } from '../arming/index.ts'
import type { Timers } from '../ground/timers.ts'

type Parts = {
  attend: Attend
  holds: Holds
  timers: Timers
  log: Log
  isDraining: () => boolean
  ensureArmed: (change: JobChange, budgetMs: number) => Promise<ArmState>
  looked: (jobId: string) => Promise<void>
  /** A wait that is no longer is waited for here; NAS holds the wake-up as well, in case this process dies. */
  nearMs: number
}

const armBudgetMs = 20_000
/** So that an instant waited for here has come by Postgres' clock as well. */
const clockSlackMs = 10

/** What has to follow a transition that no caller waits for: arming the later wake time, attending to what is due next. */
export function createFollowUp(parts: Parts) {
  const { attend, holds, timers, log, isDraining, ensureArmed, looked, nearMs } = parts

  const waits = new Set<() => void>()

  /** Attends to a job wherever it is due, and makes its wake-up sure. The ticker, a boot and `settled` come here. */
  async function fireDue(jobId: string, trigger: Trigger = 'builtin'): Promise<void> {
    if (isDraining()) return
    const attended = await attend(jobId, {
      trigger,
      fireAt: null,
      earlyMs: 0,
      armSpent: isOverdue,
    })
    if (attended.state === 'attended')
      await ensureArmed({ jobId, order: attended.order, atRest: true }, armBudgetMs)
  }

  /** Also after a stale fence: our own write may have been carried out, and its answer lost. */
  function settled(jobId: string, done: { decision: Decision; written: Written } | null) {
    const dueAt = done && nearestAttempt(done.decision, done.written)
    void holds.during('arm', (dueAt ? arm(jobId) : relax(jobId)).catch(warn(jobId)))
    const waitMs = dueAt && dueAt.getTime() - done.written.now.getTime()
    if (waitMs !== null && waitMs <= nearMs) later(jobId, Math.max(0, waitMs) + clockSlackMs)
  }

  const arm = (jobId: string) => ensureArmed({ jobId }, armBudgetMs)

  /** A wake time that moved to later can wait: what NAS did with the arm before is looked at first. */
  async function relax(jobId: string) {
    await looked(jobId)
    await arm(jobId)
  }

  function later(jobId: string, waitMs: number) {
    if (isDraining()) return
    const release = holds.take('timer')
    const forget = timers.after(waitMs, () => {
      waits.delete(end)
      void fireDue(jobId).catch(warn(jobId)).finally(release)
    })
    const end = () => {
      forget()
      release()
    }
    waits.add(end)
  }

  const warn = (jobId: string) => (error: unknown) =>
    log.warn({ err: error, job: jobId }, 'a job could not be followed up')

  /** Ends the waits of this process: NAS holds their wake-ups. */
  function stop() {
    for (const end of waits) end()
    waits.clear()
  }

  return { fireDue, settled, stop }
}

/** When the next attempt or delivery is due that this transition left waiting (or found waiting: then now); null: none. */
function nearestAttempt(decision: Decision, written: Written): Date | null {
  if (written.wakeAt && written.wakeAt <= written.now) return written.now
  const attempts = decision.runs.flatMap((run) =>
    run.attemptDueAt && !run.finished ? [run.attemptDueAt] : [],
  )
  const tries = decision.deliveries.flatMap(({ dueAt }) => (dueAt ? [dueAt] : []))
  const waiting = [...attempts, ...tries]
  return waiting.reduce<Date | null>((least, at) => (least && least <= at ? least : at), null)
}

/** A wake time that has passed is used up, whoever noticed it: it is derived anew. */
function isOverdue({ registry: { wakeAt }, view }: Look): boolean {
  return wakeAt !== null && wakeAt <= view.now
}
