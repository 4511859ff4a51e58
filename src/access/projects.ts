import type { OwnedKind, Project, ProjectStore, Quotas } from '../../db/index.ts'
import type { ArmState } from '../arming/arm.ts'
import { within, type Delays } from '../ground/delays.ts'
import type { Holds } from '../ground/holds.ts'
import { allProjects } from '../ground/project.ts'
import { notFound } from '../ground/not-found.ts'
import { inParallel } from '../ground/parallel.ts'

/** A project as clients see it. `pause`: its own, or that of everything. */
export type ShownProject = Project

/** The operations of clients on projects. All of them throw AppError DATABASE_UNAVAILABLE. */
export type Projects = {
  /** @throws AppError PROJECT_NOT_FOUND */
  expect(name: string): Promise<void>
  /** Whether a thing with an id is of the project. */
  owns(project: string, kind: OwnedKind, id: string): Promise<boolean>
  /** Whether `default` is the only one: a key of it sees the whole service then. */
  isOnlyDefault(): Promise<boolean>
  /** `name` null: all of them, and `*` for everything; otherwise that one. */
  list(name: string | null): Promise<ShownProject[]>
  put(name: string, quotas: Partial<Quotas>): Promise<{ project: ShownProject; isNew: boolean }>
  /** @throws AppError PROJECT_NOT_FOUND, PROJECT_IN_USE */
  remove(name: string): Promise<void>
  /** No run of its jobs begins after this has returned. A second pause changes nothing. @throws AppError PROJECT_NOT_FOUND */
  pause(name: string, wish: { by: string; reason: string | null }): Promise<ShownProject>
  /** `armed` false: the timer has not confirmed the wake-up of each of its jobs yet. @throws AppError PROJECT_NOT_FOUND */
  resume(name: string): Promise<{ project: ShownProject; armed: boolean }>
}

type ProjectsNeeds = {
  store: ProjectStore
  attend: (jobId: string) => Promise<ArmState>
  holds: Holds
  delays: Delays
  log: { warn(fields: object, message: string): void }
}

const atOnce = 8
/** A proxy drops a request that is silent for much longer. */
const answerMs = 25_000

export function createProjects({ store, attend, holds, delays, log }: ProjectsNeeds): Projects {
  async function list(name: string | null): Promise<ShownProject[]> {
    const all = await store.list(name)
    const everything = all.find((one) => one.name === allProjects)?.pause ?? null
    const shown = name === null || name === allProjects ? all : all.filter((one) => one.name === name)
    return shown.map((one) => ({ ...one, pause: one.pause ?? everything }))
  }

  async function get(name: string): Promise<ShownProject> {
    const project = (await list(name)).find((one) => one.name === name)
    if (!project) throw notFound('project', name)
    return project
  }

  /** Resolves when all are armed, or (to false) as soon as the wake-up of one is known not to be confirmed. */
  function attendAll(jobIds: string[]): Promise<boolean> {
    const { promise: armed, resolve, reject } = Promise.withResolvers<boolean>()
    const attendTo = async (jobId: string) => {
      // it is due by its row, so the next sweep finds it
      const state = await attend(jobId).catch((error: unknown) => {
        log.warn({ err: error, job: jobId }, 'a job of a resumed project could not be handled yet')
        return 'owed'
      })
      if (state === 'owed') resolve(false)
    }
    holds.during('request', inParallel(jobIds, atOnce, attendTo)).then(() => resolve(true), reject)
    return armed
  }

  return {
    list,
    owns: store.owns,
    isOnlyDefault: store.isOnlyDefault,
    async expect(name) {
      if (!(await store.exists(name))) throw notFound('project', name)
    },
    async put(name, quotas) {
      const isNew = await store.put(name, quotas)
      return { project: await get(name), isNew }
    },
    async remove(name) {
      if (!(await store.remove(name))) throw notFound('project', name)
    },
    async pause(name, wish) {
      if (!(await store.pause(name, wish))) throw notFound('project', name)
      return get(name)
    },
    async resume(name) {
      const due = await store.resume(name)
      if (!due) throw notFound('project', name)
      const armed = await within(delays, answerMs, attendAll(due), false)
      return { project: await get(name), armed }
    },
  }
}
