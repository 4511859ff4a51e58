import { type Arm, begun, isTaken, settled } from '../../relay/core/index.ts'
import { type Arms, type Key, never } from './arms.ts'
import type { Clock } from './clock.ts'
import type { Log } from './log.ts'
import type { Misbehave } from './misbehave.ts'
import { type FireAnswer, noAnswer, type Sender } from './sender.ts'
import type { Signal } from './signal.ts'

type TickerNeeds = {
  arms: Arms
  clock: Clock
  /** The time of the NAS, which may be ahead of its clock. */
  now: () => number
  sender: Sender
  misbehave: Misbehave
  log: Log
  signal: Signal
  halted: AbortSignal
  /** `[n]` lies between try n+1 and n+2; after the last gap's try the fire is given up. */
  retryGapsMs: readonly number[]
}

/** Four tries in half an hour: what the timers under such services do without further settings. */
const fewRetryGapsMs = [12_000, 150_000, 1_800_000]

export type Ticker = ReturnType<typeof createTicker>

/** Sends what is due, at its instant; the relay's decisions say when, and what becomes of it. */
export function createTicker(needs: TickerNeeds) {
  const { arms, clock, now, sender, misbehave, log, signal, halted, retryGapsMs } = needs
  const timers = new Map<string, () => void>()
  const held = new Set<() => void>()
  /** Tries that are under way, or held back: of each arm, and of each job. */
  const flying = createCounts()
  let sending = 0

  const event = (name: string, { jobId }: Arm, detail: string) =>
    log.add({ kind: 'event', event: name, job_id: jobId, detail })
  const armOf = ({ scheduleId }: Pick<Key, 'scheduleId'>) => `arm ${scheduleId}`
  const jobOf = ({ agentId, jobId }: Pick<Key, 'agentId' | 'jobId'>) => `job ${agentId} ${jobId}`
  const isFlying = (agentId: string, jobId: string) => flying.has(jobOf({ agentId, jobId }))
  const flies = (arm: Key) => flying.has(armOf(arm))

  function unschedule({ scheduleId }: Arm): void {
    timers.get(scheduleId)?.()
    timers.delete(scheduleId)
  }

  function schedule(arm: Arm): void {
    unschedule(arm)
    if (arm.dueMs === never || flies(arm) || misbehave.look('hold_fires', arm)) return
    const amount = (name: 'fire_early' | 'fire_late' | 'skew') => misbehave.look(name, arm)?.amount ?? 0
    const shiftMs = arm.tries === 0 ? amount('fire_late') - amount('fire_early') : 0
    const cancel = clock.at(arm.dueMs + shiftMs - amount('skew'), () => void deliver(arm))
    timers.set(arm.scheduleId, cancel)
  }

  function drop(arm: Arm): void {
    unschedule(arm)
    arms.remove(arm)
    signal.changed()
  }

  /** `give_up_after` and `few_retries` are other gaps. */
  function gapsFor(arm: Arm): readonly number[] {
    const gapsMs = misbehave.look('few_retries', arm) ? fewRetryGapsMs : retryGapsMs
    const mostTries = misbehave.look('give_up_after', arm)?.amount ?? Number.POSITIVE_INFINITY
    return gapsMs.slice(0, mostTries - 1)
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
    const due = arms.find(arm)
    if (!due) return noAnswer('it is not armed any more')
    const tried = begun(due, now(), gapsFor(due))
    if (!tried) {
      giveUp(arm)
      return noAnswer('its tries are used up')
    }
    arms.put(tried)
    flying.add(armOf(tried), jobOf(tried))
    const reorder = misbehave.act('reorder', tried)
    if (reorder) await turnAfterAnother(reorder.amount)
    sending += 1
    signal.changed()
    const answer = await copiesOf(tried)
    sending -= 1
    flying.remove(armOf(tried), jobOf(tried))
    if (!halted.aborted) settle(tried, answer)
    for (const go of [...held]) go()
    signal.changed()
    return answer
  }

  async function copiesOf(tried: Arm): Promise<FireAnswer> {
    const copies = misbehave.act('duplicate', tried)?.amount ?? 1
    const sent = Array.from({ length: copies }, (_, index) => sender.send(tried, { copy: index + 1 }))
    const answers = await Promise.all(sent)
    return answers.find(({ status }) => isTaken(status)) ?? answers[0] ?? noAnswer('nothing was sent')
  }

  function settle(tried: Arm, answer: FireAnswer): void {
    const isLost = isTaken(answer.status) && misbehave.act('ignore_2xx', tried)
    const outcome = isLost ? noAnswer('the answer was lost') : answer
    const holds = arms.find(tried) ?? arms.row(tried.agentId, tried.jobId) ?? null
    const done = settled(holds, { tried, outcome, nowMs: now(), gapsMs: gapsFor(tried) })
    if (done.verdict === 'delivered') acknowledged(tried)
    if (done.verdict === 'given_up') giveUp(tried)
    if (done.verdict !== 'retry') return
    arms.put(done.arm)
    event('retry', tried, `in ${done.arm.dueMs - now()} ms`)
    schedule(done.arm)
  }

  function giveUp(arm: Arm): void {
    drop(arm)
    event('gave_up', arm, `after ${arm.tries} tries`)
  }

  function acknowledged(tried: Arm): void {
    const { agentId, jobId } = tried
    const forget = misbehave.act('forget_on_2xx', tried)
    if (arms.isRow(tried) && misbehave.act('keep', tried)) arms.put({ ...tried, dueMs: never })
    else arms.remove(tried)
    if (!forget) return
    const forgetRow = () => {
      const row = arms.row(agentId, jobId)
      if (!row) return
      drop(row)
      event('forgot', row, `whatever was armed, for ${row.fireAt}`)
    }
    if (forget.amount > 0) clock.at(clock.now() + forget.amount, forgetRow)
    else forgetRow()
  }

  return {
    schedule,
    unschedule,
    drop,
    deliver,
    flies,
    isFlying,
    /** A try of it has ended, or it is gone. */
    isTried: (arm: Key) => arms.find(arm)?.tries !== 0 && !flies(arm),
    /** Plans everything again: after a start, and when a misbehaviour shifts the plan. */
    scheduleAll: () => arms.all().forEach(schedule),
    /** Nothing is being sent and nothing is due. */
    isIdle: () => sending === 0 && clock.dueCount() === 0,
  }
}

/** How often each name was added and not removed again. */
function createCounts() {
  const counts = new Map<string, number>()
  const change = (by: number, names: string[]) => {
    for (const name of names) {
      const count = (counts.get(name) ?? 0) + by
      if (count > 0) counts.set(name, count)
      else counts.delete(name)
    }
  }
  return {
    has: (name: string) => counts.has(name),
    add: (...names: string[]) => change(1, names),
    remove: (...names: string[]) => change(-1, names),
  }
}
