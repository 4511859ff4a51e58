import type { Api } from './api.ts'
import type { JobsFile } from './jobs-file.ts'
import { taken } from './taken.ts'

/** A file of jobs as a whole. `prune`: jobs of its owner that it does not have are removed. */
export function filesOf(api: Api) {
  return {
    /** What `apply` would change; nothing is written. */
    plan: (file: JobsFile, query: { prune?: boolean } = {}) =>
      taken(api.POST('/api/plan', { params: { query }, body: file })),
    /** All of it or nothing. `plan`: refused with PLAN_STALE if anything has changed since that plan. */
    apply: (file: JobsFile, query: { prune?: boolean; plan?: string } = {}) =>
      taken(api.POST('/api/apply', { params: { query }, body: file })),
    /** The jobs and channels that have keys, as a file. `owner`: of this owner. */
    export: async (query: { owner?: string } = {}) => {
      const { file, ...rest } = await taken(api.GET('/api/export', { params: { query } }))
      return { file: file as JobsFile, ...rest }
    },
  }
}
