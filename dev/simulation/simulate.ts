import { AppError } from '../../src/errors.ts'
import { createChecker, type Violation } from './checker.ts'
import { createClient } from './client.ts'
import { createClock } from './clock.ts'
import { createSimulatedDatabase } from './database.ts'
import { createMachines } from './machines.ts'
import { createSimulatedNas } from './nas.ts'
import { createRandom } from './random.ts'
import { makeScenario, type Scenario } from './scenario.ts'
import { createTables } from './tables.ts'
import { createSimulatedTarget, type Effect } from './target.ts'
import { createTrace } from './trace.ts'

export type Outcome = {
  seed: number
  scenario: Scenario
  steps: number
  slots: number
  ran: number
  missed: number
  skipped: number
  /** Effects beyond one for each attempt. */
  extra: number
  violations: Violation[]
}

const mendedMs = 10 * 60_000

/** One world from its seed to its end: the same seed gives the same world, step by step. */
export async function simulate(
  seed: number,
  print: ((line: string) => void) | null = null,
): Promise<Outcome> {
  const random = createRandom(seed)
  const scenario = makeScenario(random)
  const clock = createClock(scenario.startMs)
  const trace = createTrace(clock, print)
  trace('world', `seed ${seed}`, scenario)
  const faultsEnd = scenario.startMs + scenario.faultsMs
  const isFaulty = () => clock.now() < faultsEnd
  const shared = { clock, scenario, trace, isFaulty }
  const tables = createTables()
  const effects: Effect[] = []
  const checker = createChecker({ clock, trace, tables, effects, armedMs: (jobId) => nas.armedMs(jobId) })
  const database = createSimulatedDatabase({ ...shared, random: random.fork(), tables, checker })
  const target = createSimulatedTarget({
    ...shared,
    random: random.fork(),
    effects,
    began: checker.effectBegan,
  })
  const machines = createMachines({ ...shared, random: random.fork(), database, nas: () => nas, target })
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
            if (status < 300) fire.answered(jobId)
          }
        },
      }),
  })
  const client = createClient({ ...shared, random: random.fork(), tables, machines, broken: checker.broken })

  const onRejection = (error: unknown) =>
    checker.broken('no promise is left alone', '', String((error as Error)?.stack ?? error))
  process.on('unhandledRejection', onRejection)
  try {
    client.start()
    await clock.run(faultsEnd)
    trace('world', 'the faults are over')
    await clock.run(faultsEnd + scenario.boundMs)
    checker.judgeRest({ lateMs: scenario.boundMs, all: false })
    client.reconcile()
    await clock.run(clock.now() + mendedMs)
    checker.judgeRest({ lateMs: mendedMs, all: true })
    await new Promise(setImmediate)
  } finally {
    process.off('unhandledRejection', onRejection)
  }

  const verdicts = checker.jobIds().flatMap((jobId) => [...checker.verdictsOf(jobId).values()])
  const count = (verdict: string) => verdicts.filter((one) => one === verdict).length
  const attempts = new Set(effects.map(({ runId, attempt }) => `${runId}:${attempt}`))
  return {
    ...{ seed, scenario, steps: clock.steps(), slots: verdicts.length, violations: checker.violations },
    ran: new Set(effects.flatMap(({ jobId, slotMs }) => (slotMs === null ? [] : [`${jobId}:${slotMs}`])))
      .size,
    missed: count('missed'),
    skipped: count('skipped'),
    extra: effects.length - attempts.size,
  }
}
