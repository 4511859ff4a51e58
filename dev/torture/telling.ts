import { createChannelStore } from '../../db/index.ts'
import { createChannels } from '../../src/delivery/channels.ts'
import { createSeal } from '../../src/vault/seal/index.ts'
import type { JobMaker, Scenario } from './scenario.ts'
import { at } from './scenario.ts'
import { paths, webhookSecret } from './effects.ts'
import { encryptionKey, type World } from './world.ts'

/** What follows from a run's outcome: deliveries, jobs that it starts, and outcomes that a target reports later. */
export const tellingScenarios: Scenario[] = [
  {
    name: 'delivery',
    prepare: (world, job) => make(world, job, { schedule: everyFive }),
    async play(world, job) {
      job.due(5, 10)
      await world.until(at(12))
    },
  },
  {
    name: 'delivery by a default channel',
    async prepare(world, job) {
      const channels = createChannels({
        store: createChannelStore(world.database.db, world.now),
        seal: createSeal(encryptionKey),
      })
      const [{ on: _, ...config }] = deliver(world)
      await channels.put('team', config, ['always'])
      await job.make({ schedule: everyFive })
    },
    async play(world, job) {
      job.due(5, 10)
      await world.until(at(12))
    },
  },
  {
    name: 'delivery to a receiver that fails twice',
    refuses: { status: 500, times: 2 },
    prepare: (world, job) => make(world, job, { schedule: '5 * * * *' }),
    async play(world, job) {
      job.due(5)
      await world.until(at(13))
    },
  },
  {
    name: 'delivery to a receiver that is gone',
    refuses: { status: 410, times: Number.POSITIVE_INFINITY },
    prepare: (world, job) => make(world, job, { schedule: '5 * * * *' }),
    async play(world, job) {
      job.due(5)
      await world.until(at(10))
    },
  },
  {
    name: 'an incident and its end',
    async prepare(world, job) {
      await make(world, job, { schedule: everyFive })
      world.target.behave(paths.called, { does: 'status', value: 500, times: 2 })
    },
    async play(world, job) {
      job.due(5, 10, 15)
      await world.until(at(17))
    },
  },
  reporting('outcome reported later', { afterMs: [90_000] }),
  reporting('outcome reported at once', { afterMs: [0] }),
  reporting('outcome reported twice', { afterMs: [45_000, 46_000] }),
  reporting('outcome never reported', { afterMs: [] }),
  {
    name: 'chain',
    async prepare(world, job) {
      await make(world, job, { schedule: everyFive })
      await job.follow({ on: ['success'], deliver: deliver(world) })
    },
    async play(world, job) {
      job.due(5, 10)
      await world.until(at(13))
    },
  },
  {
    name: 'chain, two machines',
    world: { machines: 2, clocksAheadMs: [0, 3_600_000] },
    async prepare(world, job) {
      await make(world, job, { schedule: '5 * * * *' })
      await job.follow({ on: ['always'], action: { hold_ms: 40_000 } })
    },
    async play(world, job) {
      job.due(5)
      await world.until(at(10))
    },
  },
]

const everyFive = '*/5 * * * *'
const deadlineMs = 150_000

/** A job whose target answers 202, and reports so long after each call. */
function reporting(name: string, { afterMs }: { afterMs: number[] }): Scenario {
  return {
    name,
    prepare: (world, job) =>
      make(world, job, {
        schedule: '5 * * * *',
        action: { url: `${world.target.url}${paths.later}`, callback: { deadline_ms: deadlineMs } },
      }),
    called(world, { headers }) {
      const url = headers['x-chronos-callback']
      if (url) for (const ms of afterMs) world.reporter.report(url, ms)
    },
    async play(world, job) {
      job.due(5)
      await world.until(at(14))
    },
  }
}

async function make(world: World, job: JobMaker, fields: Record<string, unknown> & { schedule: string }) {
  await job.make({ deliver: deliver(world), ...fields })
}

function deliver({ target }: World) {
  const one = { type: 'webhook', url: `${target.url}${paths.told}`, secrets: [webhookSecret], on: 'always' }
  return [one] as const
}
