import createFetch from 'openapi-fetch'
import type { Api } from './api.ts'
import type { paths } from './document.ts'
import { channelsOf } from './channels.ts'
import { filesOf } from './files.ts'
import { keysOf } from './keys.ts'
import { overviewsOf } from './overviews.ts'
import { projectsOf } from './projects.ts'
import { secretsOf } from './secrets.ts'
import type { ScheduleInput } from './shapes.ts'
import { jobsOf } from './jobs.ts'
import { runsOf } from './runs.ts'
import { taken } from './taken.ts'
import { transport } from './transport.ts'

export type ClientOptions = {
  /** Of the service, such as `https://chronos.example`. */
  url: string
  /** An API key. */
  key: string
  /** Whose things are seen and made, for a key of all projects; `default` if nothing is given. */
  project?: string
  /** Further tries of a call that may be repeated; 3 by default. */
  retries?: number
  /** Of one try; 30,000 by default. A machine that is off has to start first. */
  timeoutMs?: number
  fetch?: typeof globalThis.fetch
}

export type Chronos = ReturnType<typeof createClient>

/** The calls of a service. Each throws ChronosError if it is refused. */
export function createClient({
  url,
  key,
  project,
  retries = 3,
  timeoutMs = 30_000,
  ...given
}: ClientOptions) {
  const fetch =
    given.fetch ?? ((...request: Parameters<typeof globalThis.fetch>) => globalThis.fetch(...request))
  const api: Api = createFetch<paths>({
    baseUrl: url,
    headers: { authorization: `Bearer ${key}`, ...(project && { 'chronos-project': project }) },
    fetch: transport({ fetch, retries, timeoutMs }),
  })
  return {
    jobs: jobsOf(api),
    runs: runsOf(api, retries),
    channels: channelsOf(api),
    secrets: secretsOf(api),
    keys: keysOf(api),
    projects: projectsOf(api),
    ...overviewsOf(api),
    ...filesOf(api),
    /** Reads and explains a schedule without saving it. */
    preview: (schedule: ScheduleInput, more: { timezone?: string; count?: number; from?: string } = {}) =>
      taken(api.POST('/api/schedules/preview', { body: { schedule, ...more } })),
    status: () => taken(api.GET('/api/status')),
    /** Every route of the document, as openapi-fetch has it: `api.GET('/api/costs')`. Throws nothing if it is refused. */
    api,
  }
}
