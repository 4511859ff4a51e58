import { quotaScenarios } from './quotas.ts'
import { at, type JobMaker, type Scenario } from './scenario.ts'
import { tellingScenarios } from './telling.ts'
import type { World } from './world.ts'

export { at, type Scenario, startsAt } from './scenario.ts'

const everyFive = '*/5 * * * *'

/** What a job's schedule, its runs and its client lead to. */
const firingScenarios: Scenario[] = [
  {
    name: 'create',
    async play(world, job) {
      await job.make({ schedule: everyFive })
      job.due(5, 10)
      await world.until(at(12))
    },
  },
  {
    name: 'edit to earlier',
    prepare: async (_, job) => void (await job.make({ schedule: '0 15 * * *' })),
    async play(world, job) {
      await world.client.change(job.id(), { schedule: everyFive })
      job.due(5, 10)
      await world.until(at(12))
    },
  },
  {
    name: 'edit to later',
    prepare: async (_, job) => void (await job.make({ schedule: everyFive })),
    async play(world, job) {
      await world.until(at(2, 30))
      await world.client.change(job.id(), { schedule: '7,11 * * * *' })
      job.due(7, 11)
      await world.until(at(13))
    },
  },
  {
    name: 'pause',
    prepare: async (_, job) => void (await job.make({ schedule: everyFive })),
    async play(world, job) {
      await world.until(at(2, 30))
      await world.client.pause(job.id())
      await world.until(at(12))
    },
    async finish(world, job) {
      await world.client.resume(job.id())
      job.due(5, 10, 15)
      await world.until(at(17))
    },
  },
  {
    name: 'pause with an end',
    prepare: async (_, job) => void (await job.make({ schedule: everyFive })),
    async play(world, job) {
      await world.client.pause(job.id(), at(12, 30))
      job.due(5, 10, 15)
      await world.until(at(17))
    },
  },
  {
    name: 'resume',
    async prepare(world, job) {
      await job.make({ schedule: everyFive })
      await world.client.pause(job.id())
      await world.until(at(7, 30))
    },
    async play(world, job) {
      await world.client.resume(job.id())
      job.due(5, 10, 15)
      await world.until(at(17))
    },
  },
  {
    name: 'pause of everything',
    prepare: async (_, job) => void (await job.make({ schedule: everyFive })),
    async play(world, job) {
      await world.until(at(2, 30))
      await world.client.pauseAll(job.id())
      await world.until(at(12))
    },
    async finish(world, job) {
      // a process that died had told nothing: it is paused now
      await world.client.pauseAll(job.id())
      await world.client.resumeAll(job.id())
      job.due(5, 10, 15)
      await world.until(at(17))
    },
  },
  {
    name: 'end of a pause of everything',
    async prepare(world, job) {
      await job.make({ schedule: everyFive })
      await world.client.pauseAll(job.id())
      await world.until(at(7, 30))
    },
    async play(world, job) {
      await world.client.resumeAll(job.id())
      job.due(5, 10, 15)
      await world.until(at(17))
    },
    async finish(world, job) {
      // as often as it takes: a process that died had told nothing
      await world.client.resumeAll(job.id())
      job.due(20)
      await world.until(at(22))
    },
  },
  {
    name: 'pause of everything between two attempts',
    retries: true,
    prepare: (world, job) => failing(world, job, { attempts: 4, delayMs: 300_000, backoff: 'fixed' }),
    async play(world, job) {
      job.due(5)
      await world.until(at(6))
      await world.client.pauseAll(job.id())
      await world.until(at(20))
    },
    async finish(world, job) {
      await world.client.resumeAll(job.id())
      await world.until(at(40))
    },
  },
  {
    name: 'delete',
    prepare: async (_, job) => void (await job.make({ schedule: everyFive })),
    async play(world, job) {
      await world.client.remove(job.id())
      job.gone()
      await world.until(at(12))
    },
  },
  {
    name: 'delete while it runs',
    async prepare(world, job) {
      await job.make({ schedule: everyFive, action: { hold_ms: 120_000 } })
      await world.until(at(5, 30))
    },
    async play(world, job) {
      await world.client.remove(job.id())
      job.gone()
      await world.until(at(12))
    },
  },
  {
    name: 'fire',
    prepare: async (_, job) => void (await job.make({ schedule: everyFive })),
    async play(world, job) {
      job.due(5, 10)
      await world.until(at(12))
    },
  },
  {
    name: 'long run with a watchdog',
    prepare: async (_, job) => void (await job.make({ schedule: '5 * * * *', action: { hold_ms: 150_000 } })),
    async play(world, job) {
      job.due(5)
      await world.until(at(15))
    },
  },
  {
    name: 'run longer than its period',
    prepare: async (_, job) => void (await job.make({ schedule: everyFive, action: { hold_ms: 330_000 } })),
    async play(world, job) {
      // which of these slots run depends on when the earlier run ended; each has its one verdict
      job.due(5, 10)
      await world.until(at(12, 30))
    },
    async finish(world, job) {
      await world.client.pause(job.id())
      await world.until(at(25))
    },
  },
  {
    name: 'retry at once',
    retries: true,
    prepare: (world, job) => failing(world, job, { attempts: 4, delayMs: 5_000, backoff: 'fixed' }),
    async play(world, job) {
      job.due(5)
      await world.until(at(20))
    },
  },
  {
    name: 'retry after a long pause',
    retries: true,
    prepare: (world, job) => failing(world, job, { attempts: 4, delayMs: 300_000, backoff: 'fixed' }),
    async play(world, job) {
      job.due(5)
      await world.until(at(40))
    },
  },
  {
    name: 'final run of a repeat',
    prepare: async (_, job) => void (await job.make({ schedule: everyFive, repeatTimes: 1 })),
    async play(world, job) {
      job.due(5)
      await world.until(at(13))
    },
  },
  {
    name: 'one-shot',
    prepare: async (_, job) => void (await job.make({ schedule: at(5).toISOString() })),
    async play(world, job) {
      job.due(5)
      await world.until(at(13))
    },
  },
  {
    name: 'manual run',
    prepare: async (_, job) => void (await job.make({ schedule: everyFive })),
    async play(world, job) {
      await world.until(at(2))
      await world.client.runNow(job.id())
      job.due(5)
      await world.until(at(9))
    },
  },
  {
    name: 'overdue at boot',
    async prepare(world, job) {
      await job.make({ schedule: everyFive })
      await world.outside.hold()
      await world.until(at(5, 90))
      await world.outside.release()
    },
    async play(world, job) {
      world.wake()
      job.due(5, 10)
      await world.until(at(12))
    },
  },
  {
    name: 'row lost',
    prepare: async (_, job) => void (await job.make({ schedule: everyFive, policy: { catchUp: 'all' } })),
    async play(world, job) {
      await world.until(at(4))
      await world.outside.lose(job.id())
      // the timer holds nothing for it until the next confirmation
      world.unpromised.set(job.id(), 'lost')
      job.due(5, 10)
      await world.until(at(6, 10))
      // of whatever job a fire is, it finds what was lost
      await world.fire('ffffffffffff', at(6, 10))
      await world.until(at(12))
    },
    async finish(world, job) {
      // a process that died of the only fire there was is no one's to wake
      world.wake()
      job.due(15)
      await world.until(at(17))
    },
  },
  {
    name: 'two machines, each fire twice',
    world: { machines: 2, copies: 2, clocksAheadMs: [0, 3_600_000] },
    prepare: async (_, job) => void (await job.make({ schedule: everyFive })),
    async play(world, job) {
      job.due(5, 10)
      await world.until(at(12))
    },
  },
]

export const scenarios: Scenario[] = [...firingScenarios, ...quotaScenarios, ...tellingScenarios]

async function failing(world: World, job: JobMaker, retry: Record<string, unknown>) {
  await job.make({
    schedule: '5 * * * *',
    policy: { retry: { on: ['failed', 'timed_out', 'interrupted'], maxDelayMs: 3_600_000, ...retry } },
  })
  world.target.behave('/hook', { does: 'status', value: 500, times: 1 })
}
