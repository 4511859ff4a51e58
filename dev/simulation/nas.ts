import type { Armed } from '../../src/timers/index.ts'
import type { NasAnswer, NasCode, NasFailure } from '../../src/timers/nas/answer.ts'
import type { NasClient, Provision } from '../../src/timers/nas/client.ts'
import type { Clock } from './clock.ts'
import type { Process } from './process.ts'
import type { Random } from './random.ts'
import type { Scenario } from './scenario.ts'
import type { Steps } from './steps.ts'
import type { Trace } from './trace.ts'

/** A fire on its way to us, with the tries that NAS still owes. */
type Relay = { jobId: string; fireAtMs: number; tries: number; isDone: boolean }
type Row = { jobId: string; fireAtMs: number; scheduleId: string; hasFired: boolean; takeBack: () => void }

type SimulatedNasNeeds = {
  clock: Clock
  random: Random
  scenario: Scenario
  trace: Trace
  isFaulty: () => boolean
  /** Calls us; `status` null: no answer came. */
  call: (fire: { jobId: string; fireAt: Date }, answered: (status: number | null) => void) => void
  /** Told of each change of what NAS holds for a job. */
  changed: (jobId: string, change: NasChange, fireAtMs?: number) => void
}

/** `gave_up`, `forgot`, `swallowed`: NAS lets the job go, and by its rules it may. `lost`: against them. */
export type NasChange = 'holds' | 'let_go' | 'gave_up' | 'forgot' | 'swallowed' | 'lost'

export type SimulatedNas = ReturnType<typeof createSimulatedNas>

const callMs = 15_000
/** How long until the next try of a fire that was not acknowledged: seconds, then minutes. */
const gapsMs = [2_000, 5_000, 15_000, 30_000, 60_000, 120_000, 300_000]

/** The timer service as contract.md has it, with all that it leaves open decided by the scenario. */
export function createSimulatedNas({
  clock,
  random,
  scenario,
  trace,
  isFaulty,
  call,
  changed,
}: SimulatedNasNeeds) {
  const manners = scenario.nas
  const rows = new Map<string, Row>()
  const relays = new Map<string, Set<Relay>>()
  /** By job, newest first: the instants that it was armed for lately. */
  const usedKeys = new Map<string, number[]>()
  let isDown = false
  let schedules = 0
  let lost = 0

  function scheduleOutage() {
    if (manners.outageEveryMs === 0) return
    clock.after(random.between(1, 2 * manners.outageEveryMs), () => {
      if (!isFaulty()) return
      isDown = true
      trace('nas', 'down')
      clock.after(manners.outageMs, () => {
        isDown = false
        trace('nas', 'up')
        scheduleOutage()
      })
    })
  }
  scheduleOutage()

  function scheduleLoss() {
    if (manners.losesRowEveryMs === 0) return
    clock.after(random.between(1, 2 * manners.losesRowEveryMs), () => {
      if (!isFaulty()) return
      const waiting = [...rows.values()].filter((row) => !row.hasFired)
      if (waiting.length > 0) lose(random.pick(waiting))
      scheduleLoss()
    })
  }
  scheduleLoss()

  function lose({ jobId, takeBack }: Row) {
    trace('nas', `loses the row of ${jobId}`)
    lost += 1
    takeBack()
    rows.delete(jobId)
    changed(jobId, 'lost')
  }

  function provision({ jobId, fireAt }: Provision): NasAnswer<{ scheduleId: string }> {
    const fireAtMs = manners.cutsToSeconds ? Math.floor(fireAt.getTime() / 1000) * 1000 : fireAt.getTime()
    const nowMs = clock.now() + manners.aheadMs
    if (manners.horizonMs !== null && fireAtMs - nowMs > manners.horizonMs)
      return no('rejected', 'NAS_REJECTED')
    if (manners.refusesPast && fireAtMs <= nowMs) return no('rejected', 'NAS_REJECTED')
    const held = rows.get(jobId)
    if (held && held.fireAtMs === fireAtMs && !held.hasFired)
      return { ok: true, value: { scheduleId: held.scheduleId } }
    const used = usedKeys.get(jobId) ?? []
    if (manners.swallowsRepeatedKeys && used.includes(fireAtMs)) {
      trace('nas', `swallows a repeated key of ${jobId}`, new Date(fireAtMs))
      changed(jobId, 'swallowed', fireAtMs)
      return { ok: true, value: { scheduleId: 'swallowed' } }
    }
    usedKeys.set(jobId, [fireAtMs, ...used].slice(0, manners.keysRemembered))
    held?.takeBack()
    if (manners.cancelsRetriesOnReplacement) dropRelays(jobId)
    const lateMs =
      isFaulty() && random.chance(0.2) ? random.between(0, manners.lateMs) : random.between(0, 50)
    const takeBack = clock.after(fireAtMs - nowMs + lateMs, () => fireRow(jobId))
    const scheduleId = `s${++schedules}`
    rows.set(jobId, { jobId, fireAtMs, scheduleId, hasFired: false, takeBack })
    trace('nas', `holds ${jobId}`, new Date(fireAtMs))
    changed(jobId, 'holds')
    return { ok: true, value: { scheduleId } }
  }

  function cancel(jobId: string): NasAnswer<null> {
    rows.get(jobId)?.takeBack()
    rows.delete(jobId)
    if (manners.cancelsRetriesOnReplacement) dropRelays(jobId)
    trace('nas', `cancels ${jobId}`)
    changed(jobId, 'let_go')
    return { ok: true, value: null }
  }

  function list(): NasAnswer<Armed[]> {
    const armed = [...rows.values()].map(({ jobId, fireAtMs }) => ({ jobId, fireAtMs }))
    if (!manners.partialList || !isFaulty()) return { ok: true, value: armed }
    const foreign = { jobId: 'ffffffffffff', fireAtMs: clock.now() }
    return { ok: true, value: [...armed.filter(() => random.chance(0.7)), foreign] }
  }

  function dropRelays(jobId: string) {
    for (const made of relays.get(jobId) ?? []) made.isDone = true
    relays.delete(jobId)
  }

  function fireRow(jobId: string) {
    const row = rows.get(jobId)
    if (!row) return
    row.hasFired = true
    if (manners.row === 'removed_at_fire') rows.delete(jobId)
    const copies = isFaulty() && random.chance(manners.duplicates) ? 2 : 1
    for (let n = 0; n < copies; n++) relay(jobId, row.fireAtMs)
  }

  function relay(jobId: string, fireAtMs: number) {
    const made: Relay = { jobId, fireAtMs, tries: 0, isDone: false }
    const ofJob = relays.get(jobId) ?? new Set()
    relays.set(jobId, ofJob.add(made))
    deliver(made)
  }

  function deliver(made: Relay) {
    if (made.isDone) return
    made.tries += 1
    const { jobId } = made
    trace('nas', `fires ${jobId}, try ${made.tries}`, new Date(made.fireAtMs))
    let isAnswered = false
    const giveUp = clock.after(callMs, () => answered(null))
    const send = () =>
      call({ jobId, fireAt: new Date(made.fireAtMs) }, (status) => clock.after(2, () => answered(status)))
    if (isFaulty() && random.chance(manners.losesRequest)) return
    clock.after(random.between(1, 20), send)

    function answered(status: number | null) {
      if (isAnswered) return
      isAnswered = true
      giveUp()
      const isLost = isFaulty() && random.chance(manners.losesAnswer)
      trace('nas', `is answered ${isLost ? 'nothing' : status} for ${jobId}`)
      if (made.isDone) return
      if (!isLost && status !== null && status < 300) acknowledge(made)
      else again(made)
    }
  }

  function acknowledge(made: Relay) {
    end(made)
    const row = rows.get(made.jobId)
    const isSame = row !== undefined && row.fireAtMs === made.fireAtMs
    const forgets = manners.row === 'forgotten_at_ack'
    if (row && (forgets || (isSame && manners.row === 'removed_at_ack'))) {
      trace('nas', `forgets ${made.jobId} at the acknowledgement`)
      row.takeBack()
      rows.delete(made.jobId)
    }
    changed(made.jobId, row && !row.hasFired && forgets ? 'forgot' : 'let_go')
  }

  function again(made: Relay) {
    if (made.tries >= manners.tries) {
      trace('nas', `gives up on ${made.jobId}`)
      end(made)
      return changed(made.jobId, 'gave_up')
    }
    const gapMs = gapsMs[Math.min(made.tries, gapsMs.length) - 1] ?? 0
    clock.after(gapMs * (0.8 + random.fraction() * 0.4), () => deliver(made))
  }

  function end(made: Relay) {
    made.isDone = true
    relays.get(made.jobId)?.delete(made)
  }

  /** The instant that NAS holds for the job; null: none. A fire that is under way counts as now. */
  function armedMs(jobId: string): number | null {
    if ((relays.get(jobId)?.size ?? 0) > 0) return clock.now()
    const row = rows.get(jobId)
    return row && !row.hasFired ? row.fireAtMs : null
  }

  function connect(process: Process, steps: Steps): NasClient {
    function ask<T>(name: string, carryOut: () => NasAnswer<T>): Promise<NasAnswer<T>> {
      return new Promise((resolve) => {
        if (!steps.take(name)) return
        let isSettled = false
        const settle = (answer: NasAnswer<T>) => {
          if (isSettled) return
          isSettled = true
          timeout()
          if (!answer.ok) trace(process.name, `gets ${answer.code} from ${name}`)
          resolve(answer)
        }
        const timeout = process.after(callMs, () => settle(no('transient', 'NAS_TIMEOUT')))
        const slowMs =
          isFaulty() && random.chance(manners.slow) ? random.between(100, 20_000) : random.between(5, 60)
        const refuse = (ms: number, code: NasCode) =>
          void process.after(ms, () => settle(no('transient', code)))
        if (isDown) {
          refuse(5, 'NAS_UNREACHABLE')
          return
        }
        if (isFaulty() && random.chance(manners.losesRequest)) {
          refuse(slowMs, 'NAS_ANSWER_LOST')
          return
        }
        if (isFaulty() && random.chance(manners.fails)) {
          refuse(slowMs, random.pick(['NAS_FAILED', 'NAS_BUSY'] as const))
          return
        }
        // What takes longer than the call is given up on: NAS sees the connection close, and does not do it.
        if (slowMs >= callMs) return
        clock.after(random.between(1, slowMs), () => {
          const answer = carryOut()
          const isLost = isFaulty() && random.chance(manners.losesAnswer)
          process.after(slowMs / 2, () => settle(isLost ? no('transient', 'NAS_ANSWER_LOST') : answer))
        })
      })
    }

    return {
      provision: (wanted) => ask(`provision ${wanted.jobId}`, () => provision(wanted)),
      cancel: (jobId) => ask(`cancel ${jobId}`, () => cancel(jobId)),
      list: () => ask('list', list),
      refusal: () => null,
      session: () => 'valid' as const,
    }
  }

  return {
    connect,
    armedMs,
    rowsLost: () => lost,
    heldJobs: () => [...rows.values()].filter((row) => !row.hasFired).map(({ jobId }) => jobId),
  }
}

function no(kind: NasFailure['kind'], code: NasCode): NasFailure {
  return { ok: false, kind, code, message: 'as the scenario has it' }
}
