import { providers } from '../../../src/arming/providers.ts'
import { createAccess } from '../../../src/timers/cloud-tasks/access.ts'
import { createCloudTasksClient } from '../../../src/timers/cloud-tasks/client.ts'
import type { TimerCalls } from '../../../src/timers/index.ts'
import { createQstashClient } from '../../../src/timers/qstash/client.ts'
import { makeKeys, startCloudTasks } from '../../cloud-tasks/index.ts'
import { startQstash } from '../../qstash/index.ts'
import type { Owed } from '../../stand-in/couriers.ts'
import type { ApiFault, Faults } from '../../stand-in/faults.ts'
import { mortal } from '../steps.ts'
import type { Connecting, Held, Outside, OutsideOptions, StartOutside } from './outside.ts'

/** As a paid plan has it (docs/timers.md). With the three retries of the free one, three deaths in a row lose a wake-up. */
const plan = { maxDelayMs: 365 * 86_400_000, maxRetries: 5 }

export const startQstashOutside: StartOutside = async (options) => {
  const qstash = await startQstash({ time: new Date(options.start), plan, changed: options.changed })
  return standIn(qstash, options, {
    name: 'qstash',
    environment: { QSTASH_RETRIES: String(plan.maxRetries) },
    calls: ({ config, log }) => createQstashClient({ ...config.qstash, token: qstash.token, userAgent, log }),
    held: () =>
      qstash
        .pending()
        .map(({ messageId, notBeforeMs, body, owed }) =>
          heldOf(messageId, { atMs: notBeforeMs, body, owed }),
        ),
    forget: qstash.forget,
  })
}

let keys: ReturnType<typeof makeKeys> | undefined

export const startCloudTasksOutside: StartOutside = async (options) => {
  keys ??= makeKeys()
  const tasks = await startCloudTasks({ time: new Date(options.start), changed: options.changed, keys })
  return standIn(tasks, options, {
    name: 'cloud-tasks',
    environment: {},
    calls: ({ config: { cloudTasks }, log }) =>
      createCloudTasksClient({
        ...{ url: cloudTasks.url, queue: tasks.queue, caller: tasks.caller, userAgent, log },
        access: createAccess({ key: given(cloudTasks.key), userAgent }),
      }),
    held: () =>
      tasks
        .pending()
        .map(({ name, scheduleMs, body, owed }) =>
          heldOf(name.slice(name.lastIndexOf('/') + 1), { atMs: scheduleMs, body, owed }),
        ),
    forget: (id) => tasks.forget(`${tasks.queue}/tasks/${id}`),
  })
}

const userAgent = 'chronos-torture/1'

type StandIn = Awaited<ReturnType<typeof startQstash>> | Awaited<ReturnType<typeof startCloudTasks>>
type StandInNeeds = {
  name: 'qstash' | 'cloud-tasks'
  environment: Record<string, string>
  calls: (needs: Pick<Connecting, 'config' | 'log'>) => TimerCalls
  held: () => Held[]
  forget: (scheduleId: string) => void
}

/** What the stand-ins have in common: no wake-up of theirs replaces another one, and none is listed. */
function standIn(service: StandIn, { copies }: OutsideOptions, needs: StandInNeeds): Outside {
  const { faults } = service
  const { title, place, limits } = given(providers[needs.name])
  let lostAnswers = 0
  faults.copies = copies
  return {
    ...{ title, kind: 'timer', isOnePerJob: false, nas: null },
    environment: () => ({ ...service.environment(), ...needs.environment }),
    connect({ config, steps, life, log }) {
      const calls = mortal('timer', needs.calls({ config, log }), { steps, life })
      return { ...calls, name: needs.name, title, place: place(config), limits: limits(config) }
    },
    held: async () => needs.held(),
    nextMs: service.nextMs,
    jump: service.jump,
    sending: service.sending,
    isBehind: service.isBehind,
    hold: async () => service.hold(),
    release: async () => service.release(),
    async lose(jobId) {
      for (const held of needs.held()) if (held.jobId === jobId) needs.forget(held.scheduleId)
    },
    async misbehave(text) {
      const change = standInFaults[text]
      if (!change) throw new Error(`"${text}" is no misbehaviour of ${title}`)
      if (change.api?.fault.kind === 'lost') lostAnswers += change.api.times
      Object.assign(faults, structuredClone(change))
    },
    lostAnswers: () => lostAnswers,
    story: () => service.calls.map(({ method, path, body }) => ({ method, path, body: body.toString() })),
    close: service.close,
  }
}

type Pending = { atMs: number; body: Buffer; owed: Owed | null }

function heldOf(scheduleId: string, { atMs, body, owed }: Pending): Held {
  const { job_id: jobId } = JSON.parse(body.toString()) as { job_id: string }
  const tries = owed?.tries ?? 0
  return { jobId, fireAt: new Date(atMs), scheduleId, tries, isWaiting: true, isListed: true }
}

/** What `misbehave` takes, in the words of the test kit of timers. */
export const standInFaults: Record<string, Partial<Faults>> = {
  'lost answers': api({ kind: 'lost' }, 2),
  'lost acknowledgements': { deafTimes: 2 },
  duplicates: { copies: 3 },
  late: { shiftMs: 40_000 },
  early: { shiftMs: -45_000 },
  down: api({ kind: 'down' }, 3),
  refusing: api({ kind: 'refuse', status: 429 }, 2),
}

function api(fault: ApiFault, times: number): Partial<Faults> {
  return { api: { fault, times } }
}

export function given<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error('the stand-in is not configured')
  return value
}
