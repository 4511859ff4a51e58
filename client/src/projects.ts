import type { Api } from './api.ts'
import type { ProjectInput } from './shapes.ts'
import { taken } from './taken.ts'

/** In place of a name, `*` stands for all of them: its pause is one of everything. */
export function projectsOf(api: Api) {
  const at = (name: string) => ({ path: { name } })
  return {
    list: async () => (await taken(api.GET('/api/projects'))).projects,
    /** Makes it, or changes the quotas that are given. */
    put: async (name: string, body: ProjectInput = {}) =>
      (await taken(api.PUT('/api/projects/{name}', { params: at(name), body }))).project,
    remove: (name: string) => taken(api.DELETE('/api/projects/{name}', { params: at(name), body: {} })),
    /** No run of its jobs begins after this. */
    pause: async (name: string, body: { reason?: string } = {}) =>
      (await taken(api.POST('/api/projects/{name}/pause', { params: at(name), body }))).project,
    /** Its jobs are armed again; NOT_ARMED: not all of them yet, so ask again. */
    resume: async (name: string) =>
      (await taken(api.POST('/api/projects/{name}/resume', { params: at(name), body: {} }))).project,
  }
}
