import { AppError } from '../../src/ground/errors.ts'
import { createChecker, type Violation } from './checker.ts'
import { createClient } from './client.ts'
import { createClock } from './clock.ts'
import { createSimulatedDatabase } from './database.ts'
import { createMachines } from './machines.ts'
import { createSimulatedNas } from './nas.ts'
import { createRandom } from './random.ts'
import { makeScenario, type Scenario } from './scenario.ts'
import { createSimulatedReceivers, type Arrival } from './receivers.ts'
import { createPauser } from './pauser.ts'
import { createTables } from './tables.ts'
import { createSimulatedTarget, type Effect } from './target.ts'
import { createTrace } from './trace.ts'

export type WorldResult = {
  seed: number
  scenario: Scenario
  steps: number
  slots: number
  ran: number
  missed: number
  skipped: number
  /** Effects beyond one for each attempt. */
  extra: number
  /** Deliveries, and how many of them a receiver took more than once; runs that other jobs started; reports taken. */
  deliveries: number
  toldTwice: number
  chained: number
  reported: number
  /** Pauses of the project or of everything that were answered. */
  pauses: number
  /** Rows that NAS lost. */
  rowsLost: number
  violations: Violation[]
}

const mendedMs = 10 * 60_000
/** An outage, or a process that stands still, lasts so long after the last fault began. */
const outlastMs = 16 * 60_000

const channels = [
  { name: 'pings', type: 'healthcheck', defaultOn: ['always'] },
  { name: 'team', type: 'slack', defaultOn: ['failure', 'recovery'] },
]

/** One world from its seed to its end: the same seed gives the same world, step by step. */
export async function simulate(
  seed: number,
  print: ((line: string) => void) | null = null,
): Promise<WorldResult> {
  const random = createRandom(seed)
  const scenario = makeScenario(random)
  const clock = createClock(scenario.startMs)
  const trace = createTrace(clock, print)
  trace('world', `seed ${seed}`, scenario)
  const faultsEnd = scenario.startMs + scenario.faultsMs
  const isFaulty = () => clock.now() < faultsEnd
  const shared = { clock, scenario, trace, isFaulty }
  const tables = createTables()
  if (scenario.channels) tables.channels.push(...channels)
  const effects: Effect[] = []
  const arrivals: Arrival[] = []
  const armedMs = (jobId: string) => nas.armedMs(jobId)
  const checker = createChecker({ clock, trace, tables, effects, arrivals, armedMs })
  const database = createSimulatedDatabase({ ...shared, random: random.fork(), tables, checker })
  const target = createSimulatedTarget({
    ...shared,
    random: random.fork(),
    effects,
    began: checker.effectBegan,
    report: (claims, report, answered) =>
      machines.route({
        failed: () => answered(null),
        async handle(core) {
          const status = core.isDraining() ? 503 : await statusOf(core.callbacks.report(claims, report))
          return () => {
            checker.reported(claims, report, status)
            answered(status)
          }
        },
      }),
  })
  const receivers = createSimulatedReceivers({
    ...{ ...shared, random: random.fork(), arrivals },
    arrived: checker.arrived,
  })
  const parts = { database, nas: () => nas, target, receivers }
  const machines = createMachines({ ...shared, random: random.fork(), ...parts })

  async function statusOf(answer: Promise<unknown>): Promise<number> {
    try {
      await answer
      return 200
    } catch (error) {
      if (error instanceof AppError) return error.statusCode
      checker.broken('nothing breaks on our side', '', String((error as Error).stack))
      return 500
    }
  }

  const nas = createSimulatedNas({
    ...{ ...shared, random: random.fork(), changed: checker.nasChanged },
    call: ({ jobId, fireAt }, answered) =>
      machines.route({
        failed: () => answered(null),
        async handle({ fire }, process) {
          let status = 500
          try {
            const answer = await fire.fire({ jobId, fireAt })
            status = answer.status === 'accepted' ? 202 : 200
            trace(process.name, `answers ${answer.status} for ${jobId}`)
          } catch (error) {
            if (error instanceof AppError) status = 503
            else checker.broken('nothing breaks on our side', jobId, String((error as Error).stack))
            trace(process.name, `answers ${status} for ${jobId}: ${(error as Error).message}`)
          }
          return () => {
            answered(status)
            if (status >= 300) return
            fire.answered(jobId)
            checker.fireAnswered()
          }
        },
      }),
  })
  const client = createClient({ ...shared, random: random.fork(), tables, machines, broken: checker.broken })

  const pauser = createPauser({
    ...{ ...shared, random: random.fork(), machines, faultsEnd },
    ...{ broken: checker.broken, resumed: checker.resumed },
  })

  const onRejection = (error: unknown) =>
    checker.broken('no promise is left alone', '', String((error as Error)?.stack ?? error))
  process.on('unhandledRejection', onRejection)
  try {
    client.start()
    pauser.start()
    await clock.run(faultsEnd)
    trace('world', 'the faults are over')
    await clock.run(faultsEnd + scenario.boundMs)
    checker.judgeRest({ lateMs: scenario.boundMs, all: false })
    checker.judgeSweeps(faultsEnd + outlastMs)
    client.reconcile()
    await clock.run(clock.now() + mendedMs)
    checker.judgeRest({ lateMs: mendedMs, all: true })
    await new Promise(setImmediate)
  } finally {
    process.off('unhandledRejection', onRejection)
  }

  const verdicts = checker.jobIds().flatMap((jobId) => [...checker.verdictsOf(jobId).values()])
  const count = (verdict: string) => verdicts.filter((one) => one === verdict).length
  const deliveries = new Set(arrivals.map(({ deliveryId }) => deliveryId)).size
  const taken = arrivals.filter(({ isTaken }) => isTaken)
  const attempts = new Set(effects.map(({ runId, attempt }) => `${runId}:${attempt}`))
  return {
    ...{ seed, scenario, steps: clock.steps(), slots: verdicts.length, violations: checker.violations },
    ran: new Set(effects.flatMap(({ jobId, slotMs }) => (slotMs === null ? [] : [`${jobId}:${slotMs}`])))
      .size,
    missed: count('missed'),
    skipped: count('skipped'),
    extra: effects.length - attempts.size,
    deliveries,
    toldTwice: taken.length - new Set(taken.map(({ deliveryId }) => deliveryId)).size,
    chained: [...tables.jobs.values()].flatMap(({ runs }) =>
      runs.filter(({ trigger }) => trigger === 'after'),
    ).length,
    reported: checker.reportsTaken(),
    pauses: pauser.pauses(),
    rowsLost: nas.rowsLost(),
  }
}
