import { DatabaseUnavailable, type Store } from '../../db/index.ts'
import type { Checker } from './checker.ts'
import { asError, type Clock } from './clock.ts'
import {
  type BootStore,
  type Call,
  createModelBoot,
  createModelProjects,
  createModelStore,
  type PauseStore,
} from './model-store.ts'
import type { Process } from './process.ts'
import type { Random } from './random.ts'
import type { Scenario } from './scenario.ts'
import type { Steps } from './steps.ts'
import type { Tables } from './tables.ts'
import type { Trace } from './trace.ts'

type SimulatedDatabaseNeeds = {
  clock: Clock
  random: Random
  scenario: Scenario
  tables: Tables
  checker: Checker
  trace: Trace
  /** False once the time of faults is over. */
  isFaulty: () => boolean
}

const deadlineMs = 5_000

/** Postgres, with what is between it and a process: latency, lost requests and answers, statements that come late, outages. */
export function createSimulatedDatabase(needs: SimulatedDatabaseNeeds) {
  const { clock, random, scenario, tables, checker, trace, isFaulty } = needs
  const faults = scenario.database
  let isDown = false

  function scheduleOutage() {
    if (faults.outageEveryMs === 0) return
    clock.after(random.between(1, 2 * faults.outageEveryMs), () => {
      if (!isFaulty()) return
      isDown = true
      trace('database', 'down')
      clock.after(faults.outageMs, () => {
        isDown = false
        trace('database', 'up')
        scheduleOutage()
      })
    })
  }
  scheduleOutage()

  function connect(process: Process, steps: Steps): Store & BootStore & { projects: PauseStore } {
    function perform<T>(call: Call<T>): Promise<T> {
      const endsAt = clock.now() + deadlineMs
      return new Promise((resolve, reject) => {
        let tries = 0
        attempt()

        function attempt() {
          tries += 1
          if (!steps.take(call.name)) return
          let isSettled = false
          const latencyMs =
            isFaulty() && random.chance(faults.slow) ? random.between(50, 7_000) : random.between(1, 4)
          const deadline = process.after(endsAt - clock.now(), () => fail('unknown', 'DEADLINE_EXCEEDED'))
          if (isFaulty() && random.chance(faults.losesRequest)) {
            process.after(latencyMs, () => fail('unknown', 'ECONNRESET'))
            return
          }
          clock.after(latencyMs, () => arrive(latencyMs))

          function arrive(ms: number) {
            if (isDown) {
              process.after(1, () => fail('not_executed', 'ECONNREFUSED'))
              return
            }
            let result: T
            try {
              result = checker.watch(call, () => call.carryOut(clock.date()))
            } catch (error) {
              process.after(ms, () => settle(() => reject(asError(error))))
              return
            }
            trace(process.name, `${call.name}${call.jobId ? ` ${call.jobId}` : ''}`, result)
            if (isFaulty() && random.chance(faults.losesAnswer)) {
              trace('database', `the answer of ${call.name} is lost`)
              process.after(ms, () => fail('unknown', 'ECONNRESET'))
              return
            }
            process.after(Math.min(ms, 50), () => settle(() => resolve(result)))
          }

          function settle(tell: () => void) {
            if (isSettled) return
            isSettled = true
            deadline()
            tell()
          }

          function fail(execution: 'not_executed' | 'unknown', reason: string) {
            settle(() => {
              const pauseMs = random.between(25, 50)
              const isWorthIt = execution === 'not_executed' || call.idempotent
              if (isWorthIt && tries < 2 && clock.now() + pauseMs < endsAt) {
                process.after(pauseMs, attempt)
                return
              }
              const failure = { kind: 'unavailable', reason, execution, poolIsSuspect: true } as const
              reject(new DatabaseUnavailable(failure, call.name, null))
            })
          }
        }
      })
    }

    return {
      ...createModelStore(tables, perform),
      lookAtBoot: createModelBoot(tables, perform),
      projects: createModelProjects(tables, perform),
    }
  }

  return { connect }
}
