import { DatabaseUnavailable, type Store } from '../../db/index.ts'
import type { Checker } from './checker.ts'
import type { Clock } from './clock.ts'
import type { Process } from './process.ts'
import type { Random } from './random.ts'
import type { Scenario } from './scenario.ts'
import type { Steps } from './steps.ts'
import type { Tables } from './tables.ts'
import type { Trace } from './trace.ts'

type Parts = {
  clock: Clock
  random: Random
  scenario: Scenario
  tables: Tables
  checker: Checker
  trace: Trace
  /** False once the time of faults is over. */
  isFaulty: () => boolean
}

type Call<T> = { name: string; idempotent: boolean; jobId?: string; asOf?: Date; carryOut: (now: Date) => T }

const deadlineMs = 5_000

/** Postgres, with what is between it and a process: latency, lost requests and answers, statements that come late, outages. */
export function createSimulatedDatabase(parts: Parts) {
  const { clock, random, scenario, tables, checker, trace, isFaulty } = parts
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

  function connect(process: Process, steps: Steps): Store {
    function perform<T>(call: Call<T>): Promise<T> {
      const endsAt = clock.now() + deadlineMs
      return new Promise((resolve, reject) => {
        let tries = 0
        attempt()

        function attempt() {
          tries += 1
          if (!steps.take(call.name)) return
          let isSettled = false
          const latencyMs = isFaulty() && random.chance(faults.slow) ? random.between(50, 7_000) : random.between(1, 4)
          const deadline = process.after(endsAt - clock.now(), () => fail('unknown', 'DEADLINE_EXCEEDED'))
          if (isFaulty() && random.chance(faults.losesRequest)) {
            process.after(latencyMs, () => fail('unknown', 'ECONNRESET'))
            return
          }
          clock.after(latencyMs, () => arrive(latencyMs))

          function arrive(ms: number) {
            if (isDown) return void process.after(1, () => fail('not_executed', 'ECONNREFUSED'))
            let result: T
            try {
              result = checker.watch(call, () => call.carryOut(clock.date()))
            } catch (error) {
              return void process.after(ms, () => settle(() => reject(error as Error)))
            }
            trace(process.name, `${call.name}${call.jobId ? ` ${call.jobId}` : ''}`, result)
            if (isFaulty() && random.chance(faults.losesAnswer)) {
              trace('database', `the answer of ${call.name} is lost`)
              return void process.after(ms, () => fail('unknown', 'ECONNRESET'))
            }
            process.after(Math.min(ms, 50), () => settle(() => resolve(result)))
          }

          function settle(tell: () => void) {
            if (isSettled) return
            isSettled = true
            deadline()
            tell()
          }

          function fail(outcome: 'not_executed' | 'unknown', reason: string) {
            settle(() => {
              const pauseMs = random.between(25, 50)
              const isWorthIt = outcome === 'not_executed' || call.idempotent
              if (isWorthIt && tries < 2 && clock.now() + pauseMs < endsAt) return void process.after(pauseMs, attempt)
              const failure = { kind: 'unavailable', reason, outcome, poolIsSuspect: true } as const
              reject(new DatabaseUnavailable(failure, call.name, null))
            })
          }
        }
      })
    }

    const read = <T>(name: string, carryOut: (now: Date) => T, jobId?: string) =>
      perform({ name, idempotent: true, carryOut, ...(jobId !== undefined && { jobId }) })
    const once = <T>(name: string, jobId: string, carryOut: (now: Date) => T, asOf?: Date) =>
      perform({ name, idempotent: false, jobId, carryOut, ...(asOf && { asOf }) })

    const store: Store = {
      clock: () => null,
      look: (jobId) => read('look', (now) => tables.look(jobId, now), jobId),
      now: () => read('now', (now) => now),
      jobOfRun: (runId) => read('jobOfRun', () => tables.jobOfRun(runId)),
      transition: (view, decision, writing) =>
        read('transition', (now) => tables.transition(view, decision, writing, now), view.job.id),
      begin: (held) => read('begin', (now) => tables.begin(held, now), tables.jobOfRun(held.runId) ?? ''),
      renew: (wish) => read('renew', (now) => tables.renew(wish, now)),
      takeArm: (wish) => once('takeArm', wish.jobId, (now) => tables.takeArm(wish, now)),
      recordArm: (jobId, result) => once('recordArm', jobId, (now) => tables.recordArm(jobId, result, now)),
      disownArm: (jobId, gen) => once('disownArm', jobId, () => tables.disownArm(jobId, gen)),
      owedArms: (page) => read('owedArms', () => tables.owedArms(page)),
      overdueJobs: (wish) => read('overdueJobs', (now) => tables.overdueJobs(wish, now)),
      earliestWake: () => read('earliestWake', (now) => tables.earliestWake(now)),
      registryPage: (page) => read('registryPage', () => tables.registryPage(page)),
      orphans: (which) => read('orphans', () => tables.orphanIds(which)),
      orphanCancelled: (jobId) => read('orphanCancelled', (now) => tables.orphanCancelled(jobId, now)),
      createJob: (job, key) => once('createJob', job.id, (now) => tables.createJob(job, key, now)),
      jobOfKey: (key) => read('jobOfKey', () => tables.jobOfKey(key)),
      changeJob: (authored, view, decision, writing) =>
        once('changeJob', authored.id, (now) => tables.changeJob(authored, view, decision, writing, now), view.now),
      deleteJob: (jobId) => once('deleteJob', jobId, (now) => tables.deleteJob(jobId, now)),
      readFact: (name) => read('readFact', () => tables.readFact(name)),
      writeFact: (name, value) => read('writeFact', (now) => tables.writeFact(name, value, now)),
      readLedger: () => Promise.reject(new Error('nobody reads the ledger here')),
      readArms: () => Promise.reject(new Error('nobody reads the story of the arms here')),
      readCounts: () =>
        read('readCounts', (now) => ({
          jobs: { scheduled: 0, paused: 0, completed: 0, error: 0 },
          runs: {},
          armsOwed: tables.armsOwed(),
          oldestOwedSince: null,
          orphansOwed: 0,
          overdue: 0,
          now,
        })),
    }
    return store
  }

  return { connect }
}
