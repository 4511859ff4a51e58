import { isTaken, settled } from '../../relay/core/index.ts'
import { type Arm, type Arms, asDecided } from './arms.ts'
import type { Clock } from './clock.ts'
import { type FireAnswer, noAnswer, type Sender } from './fire.ts'
import type { Log } from './log.ts'
import type { Misbehave } from './misbehave.ts'
import type { Signal } from './signal.ts'

type RelayNeeds = {
  arms: Arms
  clock: Clock
  sender: Sender
  misbehave: Misbehave
  log: Log
  signal: Signal
  halted: AbortSignal
  /** `[n]` lies between try n+1 and n+2; after the last gap's try the fire is given up. */
  retryGapsMs: number[]
}

/** Four tries in half an hour: what the timers under such services do without further settings. */
const fewRetryGapsMs = [12_000, 150_000, 1_800_000]

export type Relay = ReturnType<typeof createRelay>

/** Fires what is armed when it is due, and again for as long as no 2xx came. */
export function createRelay({
  arms,
  clock,
  sender,
  misbehave,
  log,
  signal,
  halted,
  retryGapsMs,
}: RelayNeeds) {
  const timers = new Map<string, () => void>()
  const held = new Set<() => void>()
  let sending = 0

  const event = (name: string, arm: Arm, detail: string) =>
    log.add({ kind: 'event', event: name, job_id: arm.jobId, detail })

  const unschedule = (arm: Arm) => {
    timers.get(arm.scheduleId)?.()
    timers.delete(arm.scheduleId)
  }

  const drop = (arm: Arm) => {
    unschedule(arm)
    arms.remove(arm)
    signal.changed()
  }

  const schedule = (arm: Arm) => {
    unschedule(arm)
    const where = { jobId: arm.jobId }
    if (arm.state !== 'waiting' || misbehave.look('hold_fires', where)) return
    const amount = (name: 'fire_early' | 'fire_late' | 'skew') => misbehave.look(name, where)?.amount ?? 0
    const dueMs = arm.dueMs ?? arm.fireAtMs - amount('fire_early') + amount('fire_late') - amount('skew')
    timers.set(
      arm.scheduleId,
      clock.at(dueMs, () => void deliver(arm)),
    )
  }

  /** Resolves when another fire was delivered, or `longestMs` after now on the NAS's clock. */
  const turnAfterAnother = (longestMs: number) =>
    new Promise<void>((resolve) => {
      const go = () => {
        takeBack()
        held.delete(go)
        resolve()
      }
      const takeBack = clock.at(clock.now() + longestMs, go)
      held.add(go)
      signal.changed()
    })

  async function deliver(arm: Arm): Promise<FireAnswer> {
    unschedule(arm)
    arm.state = 'relaying'
    arm.tries += 1
    const reorder = misbehave.act('reorder', { jobId: arm.jobId })
    if (reorder) await turnAfterAnother(reorder.amount)
    const copies = misbehave.act('duplicate', { jobId: arm.jobId })?.amount ?? 1
    sending += 1
    signal.changed()
    const answers = await Promise.all(
      Array.from({ length: copies }, (_, index) => sender.send(arm, { copy: index + 1 })),
    )
    sending -= 1
    const answer = answers.find(({ status }) => isTaken(status)) ?? answers[0] ?? noAnswer('nothing was sent')
    if (!halted.aborted) settle(arm, answer)
    for (const go of [...held]) go()
    signal.changed()
    return answer
  }

  function settle(arm: Arm, answer: FireAnswer): void {
    const where = { jobId: arm.jobId }
    if (!arms.has(arm)) return
    if (isTaken(answer.status) && !misbehave.act('ignore_2xx', where)) acknowledged(arm)
    else retryLater(arm, answer)
  }

  function acknowledged(arm: Arm): void {
    const forget = misbehave.act('forget_on_2xx', { jobId: arm.jobId })
    if (arm.isListed && misbehave.act('keep', { jobId: arm.jobId })) arm.state = 'delivered'
    else arms.remove(arm)
    if (!forget) return
    const forgetRow = () => {
      const row = arms.row(arm.agent, arm.jobId)
      if (!row) return
      drop(row)
      event('forgot', row, `whatever was armed, for ${row.fireAt}`)
    }
    if (forget.amount > 0) clock.at(clock.now() + forget.amount, forgetRow)
    else forgetRow()
  }

  function retryLater(arm: Arm, answer: FireAnswer): void {
    const where = { jobId: arm.jobId }
    if (!arm.isListed && misbehave.act('cancel_retries_on_replace', where)) {
      drop(arm)
      event('dropped', arm, 'its retries, since it was replaced')
      return
    }
    const gapsMs = misbehave.look('few_retries', where) ? fewRetryGapsMs : retryGapsMs
    const tried = asDecided(arm)
    // Without a status: a 2xx that got lost is no answer.
    const outcome = { status: null, error: null, retryAfterMs: answer.retryAfterMs }
    const { arm: next } = settled(tried, { tried, outcome, nowMs: clock.now(), gapsMs })
    const mostTries = misbehave.look('give_up_after', where)?.amount ?? Number.POSITIVE_INFINITY
    if (next === null || arm.tries >= mostTries) {
      drop(arm)
      event('gave_up', arm, `after ${arm.tries} tries`)
      return
    }
    arm.state = 'waiting'
    arm.dueMs = next.dueMs
    event('retry', arm, `in ${next.dueMs - clock.now()} ms`)
    schedule(arm)
  }

  return {
    schedule,
    drop,
    deliver,
    /** Plans everything again: after a start, and when a misbehaviour shifts the plan. */
    scheduleAll: () => arms.all().forEach(schedule),
    isRelaying: (agent: string, jobId: string) =>
      arms.ofJob(agent, jobId).some((arm) => arm.state === 'relaying'),
    /** Nothing is being sent and nothing is due. */
    isIdle: () => sending === 0 && clock.dueCount() === 0,
  }
}
