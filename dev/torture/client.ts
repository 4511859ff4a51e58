import type { Projects } from '../../src/access/projects.ts'
import { allProjects, defaultProject } from '../../src/ground/project.ts'
import { nothingGiven } from '../../src/columns/index.ts'
import { AppError } from '../../src/ground/errors.ts'
import type { JobInput } from '../../src/jobs/input.ts'
import type { Core } from '../../src/core.ts'
import type { Machine } from './machine.ts'
import type { Unpromised } from './unpromised.ts'
import { never, type Steps } from './steps.ts'

/** What a client does over the API, and does again if it got no answer, or was told that no wake-up stands yet (424). */
export type Client = {
  /** The new job's id; null: no answer came, as often as it was asked for. */
  create(input: Partial<JobInput> & { schedule: string | null }): Promise<string | null>
  change(id: string, patch: Partial<JobInput>): Promise<Reply>
  pause(id: string, until?: Date): Promise<Reply>
  resume(id: string): Promise<Reply>
  /** A pause of everything, and its end. `id`: the job that waits for it. */
  pauseAll(id: string): Promise<Reply>
  resumeAll(id: string): Promise<Reply>
  remove(id: string): Promise<Reply>
  /** Sent once: without a key of its own a second one would be a second run. */
  runNow(id: string): Promise<Reply>
  cancelRun(runId: string): Promise<Reply>
}

/** `done`: 2xx and armed · `owed`: saved, not armed (424) · an error code · `lost`: no answer. */
export type Reply = 'done' | 'owed' | 'lost' | AppError['code']

type ClientNeeds = {
  wake: () => Machine
  steps: Steps
  settled: () => Promise<void>
  /** Lets so many milliseconds pass. */
  passTime: (ms: number) => Promise<void>
  unpromised: Unpromised
}

/** In `unpromised`: a job is being made, and its id is not known yet. */
export const anyJob = '*'
const mostTries = 5
const pauseMs = 1_000

export function createClient({ wake, steps, settled, passTime, unpromised }: ClientNeeds): Client {
  let keys = 0

  /** One request to one machine; null: the machine died before its answer was out. */
  async function request<T>(
    ask: (core: Core, projects: Projects) => Promise<T>,
  ): Promise<{ value: T } | { error: AppError } | null> {
    const { core, projects, holds, life } = wake()
    const release = holds.take('request')
    const answer = ask(core, projects)
      .then(
        (value) => ({ value }),
        (error: unknown) => {
          if (!life.isAlive()) return never<never>()
          if (error instanceof AppError) return { error }
          throw error
        },
      )
      .then((reply) =>
        steps.make(life, 'answer.client', async () => void outbox.set(life, reply)).then(() => reply),
      )
      .finally(release)
    const outbox = new Map<unknown, { value: T } | { error: AppError }>()
    const first = await firstOf(answer, life.died)
    // an answer that was sent before the process died has arrived
    return first ?? outbox.get(life) ?? null
  }

  /** While the answer waits for the clock (a budget, a pause), the clock goes on. Null: the process died before. */
  async function firstOf<T>(answer: Promise<T>, died: Promise<void>): Promise<T | null> {
    const first = Promise.race([answer, died.then(() => null)])
    let isOver = false
    const end = () => {
      isOver = true
    }
    first.then(end, end)
    await settled()
    while (!isOver) await passTime(250)
    return first
  }

  async function persist(
    id: string,
    ask: (core: Core, projects: Projects) => Promise<{ armed: boolean } | void>,
  ): Promise<Reply> {
    for (let tries = 1; tries <= mostTries; tries++) {
      unpromised.set(id, 'pending')
      const reply = await request(ask)
      const isLater = reply && 'error' in reply && reply.error.statusCode === 503
      const isOwed = reply && 'value' in reply && reply.value?.armed === false
      if (reply && !isLater && (!isOwed || tries === mostTries)) {
        unpromised.delete(id)
        if ('error' in reply) return reply.error.code
        return isOwed ? 'owed' : 'done'
      }
      await passTime(pauseMs)
    }
    unpromised.set(id, 'lost')
    return 'lost'
  }

  return {
    async create(input) {
      const key = { key: `key-${++keys}`, bodyHash: 'body' }
      unpromised.set(anyJob, 'pending')
      for (let tries = 1; tries <= mostTries; tries++) {
        const reply = await request((core) =>
          core.jobs.create({ ...plain, ...input }, key, null, defaultProject),
        )
        if (reply && 'error' in reply && reply.error.statusCode !== 503) throw reply.error
        if (reply && 'value' in reply && (reply.value.armed || tries === mostTries)) {
          unpromised.delete(anyJob)
          return reply.value.look.authored.id
        }
        await passTime(pauseMs)
      }
      return null
    },
    change: (id, patch) => persist(id, (core) => core.jobs.change(id, patch, null)),
    pause: (id, until) => persist(id, (core) => core.jobs.pause(id, { reason: null, until: until ?? null })),
    resume: (id) => persist(id, (core) => core.jobs.resume(id)),
    pauseAll: (id) =>
      persist(id, async (_, projects) => {
        await projects.pause(allProjects, { by: 'API_KEY', reason: null })
      }),
    resumeAll: (id) => persist(id, (_, projects) => projects.resume(allProjects)),
    remove: (id) => persist(id, (core) => core.jobs.remove(id)),
    cancelRun: (runId) => persist(runId, (core) => core.jobs.cancelRun(runId)),
    async runNow(id) {
      unpromised.set(id, 'pending')
      const reply = await request((core) =>
        core.jobs.runNow(id, { input: null, trigger: 'manual', startedBy: null }),
      )
      if (reply) unpromised.delete(id)
      else unpromised.set(id, 'lost')
      if (!reply) return 'lost'
      return 'error' in reply ? reply.error.code : 'done'
    },
  }
}

const plain = {
  ...nothingGiven,
  name: 'a job',
  timezone: 'UTC',
  action: { type: 'http' },
  prompt: null,
  skills: [],
  deliver: null,
  repeatTimes: null,
  tags: [],
  after: null,
  policy: {},
}
