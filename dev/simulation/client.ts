import { defaultProject } from '../../src/ground/project.ts'
import { nothingGiven } from '../../src/columns/index.ts'
import type { Core } from '../../src/core.ts'
import { AppError } from '../../src/ground/errors.ts'
import type { JobInput } from '../../src/jobs/input.ts'
import type { Jobs } from '../../src/jobs/jobs.ts'
import type { Clock } from './clock.ts'
import type { Machines } from './machines.ts'
import type { Random } from './random.ts'
import type { Scenario } from './scenario.ts'
import type { Tables } from './tables.ts'
import type { Trace } from './trace.ts'

type ClientNeeds = {
  clock: Clock
  random: Random
  scenario: Scenario
  trace: Trace
  tables: Tables
  machines: Machines
  isFaulty: () => boolean
  broken: (rule: string, jobId: string, message: string) => void
}

const minute = 60_000
const occasions = [['success'], ['failure', 'recovery'], ['always'], ['success', 'failure']]

/** People and programs that use the API: they make jobs, and change, pause, run, cancel and remove them at any moment. */
export function createClient({
  clock,
  random,
  scenario,
  trace,
  tables,
  machines,
  isFaulty,
  broken,
}: ClientNeeds) {
  /** Sends an act to us. `again`: what was not answered is sent again, as a program with an Idempotency-Key does. */
  function act(name: string, work: (jobs: Jobs, core: Core) => Promise<unknown>, again = 0) {
    const retry = () => {
      if (again > 0) clock.after(20_000, () => act(name, work, again - 1))
    }
    machines.route({
      failed: retry,
      async handle(core, process) {
        if (core.isDraining()) return retry
        trace(process.name, `is asked to ${name}`)
        try {
          await work(core.jobs, core)
          return () => trace('client', `is told that it did ${name}`)
        } catch (error) {
          if (!(error instanceof AppError))
            broken('nothing breaks on our side', '', `${name}: ${(error as Error).stack}`)
          trace('client', `is told of ${name}: ${(error as Error).message}`)
          return error instanceof AppError && error.code === 'DATABASE_UNAVAILABLE' ? retry : () => {}
        }
      },
    })
  }

  function makeJob() {
    const input = drawJob()
    const key = random.hex(16)
    act(
      `create a job (${input.schedule})`,
      (jobs) => jobs.create(input, { key, bodyHash: key }, null, defaultProject),
      100,
    )
  }

  function drawJob(): JobInput {
    const after = random.chance(0.25) ? drawAfter() : null
    return {
      ...nothingGiven,
      name: 'simulated',
      schedule: after && random.chance(0.6) ? null : drawSchedule(),
      timezone: random.chance(0.2) ? 'Europe/Berlin' : null,
      action: drawAction(),
      prompt: null,
      skills: [],
      deliver: drawDeliver(),
      repeatTimes: random.chance(0.15) ? random.between(1, 8) : null,
      tags: [],
      after,
      policy: drawPolicy(),
    }
  }

  function drawAction() {
    const isAsynchronous = random.chance(0.25)
    const callbackMs = random.pick([20_000, 120_000, 600_000])
    const takesMs = random.pick([50, 2_000, 30_000, 120_000])
    return { type: 'http', takesMs, ...(isAsynchronous && { callbackMs }) }
  }

  function drawDeliver(): unknown {
    const draw = (url: string) => ({ type: 'webhook', url, on: random.pick(occasions) })
    return random.pick<() => unknown>([
      () => null,
      () => null,
      () => 'none',
      () => draw('https://one.invalid'),
      () => [draw('https://one.invalid'), draw('https://two.invalid')],
    ])()
  }

  function drawAfter() {
    const ids = [...tables.jobs.keys()]
    return ids.length === 0 ? null : { job: random.pick(ids), on: [...random.pick(occasions)] }
  }

  function drawSchedule(): string {
    const { pick, between } = random
    return pick([
      () => `every ${between(1, 8) * 15}s`,
      () => `every ${between(1, 40)}m`,
      () => `every ${between(1, 40)}m`,
      () => `*/${pick([1, 2, 5, 10, 30])} * * * *`,
      () => `${between(0, 59)} * * * *`,
      () => `${between(0, 59)} ${between(0, 5)} * * *`,
      () => `in ${between(5, 10_000)}s`,
    ])()
  }

  function drawPolicy(): Record<string, unknown> {
    const { pick, between, chance } = random
    const retry = {
      attempts: between(2, 4),
      backoff: pick(['fixed', 'exponential']),
      delayMs: pick([500, 10_000, 90_000, 600_000]),
      ...(chance(0.3) && { on: pick([['failed'], ['failed', 'timed_out']]) }),
    }
    return {
      ...(chance(0.5) && { retry }),
      ...(chance(0.6) && { overlap: pick(['skip', 'queue', 'allow', 'cancel_running']) }),
      ...(chance(0.3) && { maxLive: between(1, 3) }),
      ...(chance(0.5) && { catchUp: pick(['latest', 'all', 'none']), catchUpMax: between(1, 20) }),
      ...(chance(0.2) && { deadlineMs: between(1, 20) * minute }),
      ...(chance(0.3) && { timeoutMs: pick([1_000, 60_000, 600_000]) }),
      ...(chance(0.3) && { leaseMs: pick([3_000, 15_000, 120_000]) }),
      ...(chance(0.2) && { jitterMs: between(1, 120_000) }),
      ...(chance(0.1) && { endsAt: new Date(clock.now() + between(1, 200) * minute).toISOString() }),
      ...(chance(0.1) && { startsAt: new Date(clock.now() + between(1, 60) * minute).toISOString() }),
      ...(chance(0.1) && { pauseAfter: between(1, 3) }),
    }
  }

  function actOnOne() {
    const ids = [...tables.jobs.keys()]
    if (ids.length === 0) return makeJob()
    const id = random.pick(ids)
    const until = random.chance(0.7) ? new Date(clock.now() + random.between(1, 30) * minute) : null
    const schedule = drawSchedule()
    const policy = drawPolicy()
    const repeatTimes = random.between(1, 30)
    const after = random.chance(0.7) ? drawAfter() : null
    const failed = tables.jobs.get(id)?.deliveries.find(({ state }) => state === 'failed')
    const live = tables.jobs.get(id)?.runs.find((run) => run.finishedAt === null)
    random.pick<() => void>([
      () => act(`pause ${id}`, (jobs) => jobs.pause(id, { reason: null, until })),
      () => act(`resume ${id}`, (jobs) => jobs.resume(id), 10),
      () => act(`resume ${id}`, (jobs) => jobs.resume(id), 10),
      () => act(`run ${id}`, (jobs) => jobs.runNow(id, { input: null, trigger: 'manual', startedBy: null })),
      () => act(`run ${id}`, (jobs) => jobs.runNow(id, { input: null, trigger: 'manual', startedBy: null })),
      () => act(`set the schedule of ${id} (${schedule})`, (jobs) => jobs.change(id, { schedule }, null), 3),
      () => act(`set the policy of ${id}`, (jobs) => jobs.change(id, { policy }, null), 3),
      () =>
        act(`set the repeats of ${id} (${repeatTimes})`, (jobs) => jobs.change(id, { repeatTimes }, null)),
      () => act(`let ${id} follow ${after?.job}`, (jobs) => jobs.change(id, { after }, null)),
      () =>
        failed &&
        act(`tell ${failed.id} again`, (_, { deliveries }) => deliveries.again(failed.runId, failed.id)),
      () => live && act(`cancel ${live.id}`, (jobs) => jobs.cancelRun(live.id)),
      () => random.chance(0.3) && act(`remove ${id}`, (jobs) => jobs.remove(id), 5),
    ])()
  }

  return {
    start() {
      for (let n = 0; n < scenario.jobs; n++) clock.after(random.between(0, 5 * minute), makeJob)
      const next = () =>
        clock.after(random.between(1, 2 * scenario.clientEveryMs), () => {
          if (!isFaulty()) return
          actOnOne()
          // Two at one moment, now and then: they race.
          if (random.chance(0.2)) actOnOne()
          next()
        })
      next()
    },
    /** POST /api/cron/reconcile: whatever was beyond NAS' patience is mended by it. */
    reconcile: () => act('reconcile', (_, { schedulers }) => schedulers.reconcile(), 5),
  }
}
