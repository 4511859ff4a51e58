import { exitCodes, type Io, Stop } from './io.ts'
import { nearest } from './nearest.ts'
import { headersOf, type Profile } from './profile.ts'

/** JSON as the service answers it; commands show it and decide little. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Json = any

export type Api = {
  url: string
  /** The only one that is seen; undefined: as the key has it. */
  project: string | undefined
  /** @throws Stop: refused, or not reached */
  call(method: string, path: string, body?: unknown): Promise<Json>
  /** The raw answer, for logs. @throws Stop */
  raw(path: string, headers?: Record<string, string>): Promise<Response>
}

export function createApi(profile: Profile, { fetch: send }: Pick<Io, 'fetch'>): Api {
  const { url, project } = profile
  async function ask(
    method: string,
    path: string,
    { body, more }: { body?: unknown; more?: Record<string, string> },
  ): Promise<Response> {
    const headers: Record<string, string> = { ...headersOf(profile), ...more }
    if (body !== undefined) headers['content-type'] = 'application/json'
    const text = body === undefined ? {} : { body: JSON.stringify(body) }
    const response = await send(url + path, { method, headers, ...text }).catch((cause: unknown) => {
      throw new Stop(`${url} cannot be reached: ${reasonOf(cause)}`, exitCodes.unreachable)
    })
    if (!response.ok) throw refused(url, response.status, await response.text())
    return response
  }
  return {
    ...{ url, project },
    raw: (path, headers = {}) => ask('GET', path, { more: headers }),
    async call(method, path, body) {
      const response = await ask(method, path, { body })
      const text = await response.text()
      if (text === '') return null
      try {
        return JSON.parse(text)
      } catch {
        throw new Stop(`${url} does not answer as Chronos does. Check the URL.`, exitCodes.failed)
      }
    },
  }
}

/** fetch says only that it failed; its cause says why. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return cause instanceof Error ? cause.message || cause.name : String(cause)
}

function refused(url: string, status: number, text: string): Stop {
  const { detail, code, errors } = problemIn(text)
  if (code === 'API_KEY_REJECTED')
    return new Stop(
      `${url} does not take the key. Log in again (chronos login ${url}), or check CHRONOS_API_KEY. (${code})`,
      exitCodes.forbidden,
    )
  if (code === undefined)
    return new Stop(`${url} answered ${status}, and not as Chronos does. Check the URL.`, codeOf(status))
  const lines = errors?.map(({ message }) => message) ?? [detail ?? `The service answered ${status}.`]
  return new Stop(`${lines.join('\n')} (${code})`, codeOf(status))
}

type Problem = { detail?: string; code?: string; errors?: { message: string }[] }

function problemIn(text: string): Problem {
  try {
    return JSON.parse(text) as Problem
  } catch {
    return {}
  }
}

function codeOf(status: number): number {
  if (status === 401 || status === 403) return exitCodes.forbidden
  if (status === 404) return exitCodes.notFound
  if (status === 409 || status === 412) return exitCodes.conflict
  return status === 503 || status === 502 || status === 504 ? exitCodes.unreachable : exitCodes.failed
}

/** A job by its id, its key or its name. @throws Stop: there is none, or several have the name */
export async function jobNamed(api: Api, name: string): Promise<Json> {
  if (/^[0-9a-f]{12}$/.test(name)) {
    const found = await absentIsNull(api.call('GET', `/api/jobs/${name}`))
    if (found) return found.job
  }
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name)) {
    const found = await absentIsNull(api.call('GET', `/api/jobs/by-key/${name}`))
    if (found) return found.job
  }
  const { jobs } = await api.call('GET', `/api/jobs?state=all&q=${encodeURIComponent(name)}`)
  const exact = (jobs as Json[]).filter((job) => job.name === name)
  const like = exact.length > 0 ? exact : (jobs as Json[])
  if (exact.length === 1) return exact[0]
  if (exact.length > 1)
    throw new Stop(
      `${exact.length} jobs are named ${JSON.stringify(name)}: ${idsOf(exact)}. Name one by its id or its key.`,
      exitCodes.conflict,
    )
  const near = like.length > 0 ? like.slice(0, 5).map((job) => job.name as string) : await nearJobs(api, name)
  const hint = near.length > 0 ? ` Did you mean ${near.map((one) => JSON.stringify(one)).join(' or ')}?` : ''
  throw new Stop(
    `No job with the id, the key or the name ${JSON.stringify(name)}.${hint}`,
    exitCodes.notFound,
  )
}

/** Among the newest jobs, of which a person may have mistyped one. */
async function nearJobs(api: Api, name: string): Promise<string[]> {
  const { jobs } = await api.call('GET', '/api/jobs?state=all&limit=200')
  const names = (jobs as Json[]).flatMap((job) => [job.key, job.name]).filter((one) => one !== null)
  const near = nearest(name, names as string[])
  return near === null ? [] : [near]
}

/** Names the nearest of `list` if what is asked for does not exist. */
export async function orSuggest<T>(
  asked: Promise<T>,
  name: string,
  list: () => Promise<string[]>,
): Promise<T> {
  return asked.catch(async (error: unknown) => {
    if (!(error instanceof Stop) || error.exitCode !== exitCodes.notFound) throw error
    const near = nearest(name, await list().catch(() => []))
    throw near === null ? error : new Stop(`${error.message} Did you mean ${near}?`, error.exitCode)
  })
}

function idsOf(jobs: Json[]): string {
  return jobs.map((job) => job.key ?? job.id).join(', ')
}

async function absentIsNull(asked: Promise<Json>): Promise<Json> {
  return asked.catch((error: unknown) => {
    if (error instanceof Stop && error.exitCode === exitCodes.notFound) return null
    throw error
  })
}

/** All the pages of a list. */
export async function listAll(api: Api, path: string, name: string): Promise<Json[]> {
  const items: Json[] = []
  for (let cursor: string | null = null; ; ) {
    const more: string = cursor === null ? '' : `${path.includes('?') ? '&' : '?'}cursor=${cursor}`
    const page: Json = await api.call('GET', path + more)
    items.push(...page[name])
    cursor = page.next_cursor ?? null
    if (cursor === null) return items
  }
}
