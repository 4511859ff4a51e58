import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { type ApiError, asApiError, call, search } from '../api.ts'
import { onNews } from '../live.ts'
import type { Job } from '../types.ts'

/** What the API filters and orders by; `q` is a part of the name or the prompt. `order`: empty: the newest first. */
export type JobFilter = {
  q: string
  state: string
  tag: string
  failing: boolean
  unarmed: boolean
  silent: boolean
  order: string
}

type Page = { jobs: Job[]; cursor: string | null; limit: number; next: string | null }
type Answered = { jobs: Job[]; next_cursor: string | null }

export type JobList = {
  jobs: readonly Job[]
  error: ApiError | null
  /** No page is there yet. */
  isFirst: boolean
  /** The API has more than has been read. */
  hasMore: boolean
  /** Reads the next page, if there is one and none is on its way. */
  more(): Promise<void>
  /** Reads pages to the end, or until there are `most` jobs, and gives them. */
  all(most?: number): Promise<readonly Job[]>
  /** Reads again the pages that have one of the `shown` jobs, or the first. */
  refresh(): Promise<void>
}

/** Jobs of the first page, which is waited for; of those that follow; and of those that are read to the end. */
const sizes = { first: 60, next: 200, many: 1_000 }

/** The jobs that match, in their order, page by page; those that are read stay. */
export function useJobs(filter: JobFilter): JobList {
  const key = JSON.stringify(filter)
  const [state, set] = useState<{ pages: Page[]; error: ApiError | null; key: string }>({
    ...{ pages: [], error: null, key },
  })
  const now = useRef(state)
  now.current = state.key === key ? state : { pages: [], error: null, key }
  const under = useRef<Promise<void> | null>(null)

  const list = useMemo(() => {
    const keep = (next: Partial<typeof state>) => {
      if (now.current.key !== key) return
      now.current = { ...now.current, error: null, ...next }
      set(now.current)
    }
    const attempt = async (work: () => Promise<void>) => {
      try {
        await work()
      } catch (error) {
        keep({ error: asApiError(error) })
      }
    }
    const next = (size: number) => {
      const { pages } = now.current
      const last = pages.at(-1)
      if (last && last.next === null) return Promise.resolve()
      const where = { cursor: last?.next ?? null, limit: last ? size : sizes.first }
      return attempt(async () => keep({ pages: [...pages, await read(filter, where)] }))
    }
    const more = (size = sizes.next) => {
      under.current ??= next(size).finally(() => {
        under.current = null
      })
      return under.current
    }
    const all = async (most = Infinity) => {
      const known = () => now.current.pages.flatMap(({ jobs }) => jobs)
      const hasMore = () => now.current.pages.length === 0 || now.current.pages.at(-1)?.next !== null
      while (hasMore() && known().length < most && now.current.key === key && now.current.error === null)
        await more(Math.min(sizes.many, most - known().length))
      return known()
    }
    // of a long list only the newest page is read again: that is what changes while one looks
    const refresh = async () => {
      if (now.current.pages.length === 0) return more()
      await attempt(async () => {
        const few = now.current.pages.slice(0, 3)
        const again = await Promise.all(few.map((page) => read(filter, page)))
        keep({ pages: [...again, ...now.current.pages.slice(few.length)] })
      })
    }
    return { more: () => more(), all, refresh }
  }, [key])

  useEffect(() => {
    under.current = null
    void list.more()
  }, [key])
  useEffect(() => onNews(() => void list.refresh()), [key])
  const { pages, error } = now.current
  const jobs = useMemo(() => pages.flatMap((page) => page.jobs), [pages])
  return { ...list, jobs, error, isFirst: pages.length === 0, hasMore: pages.at(-1)?.next !== null }
}

type Where = Pick<Page, 'cursor' | 'limit'>

async function read(filter: JobFilter, { cursor, limit }: Where): Promise<Page> {
  const { q, state, tag, failing, unarmed, silent, order } = filter
  const query = { q, tag, state: state || 'all', order, cursor, limit }
  const only = { failing: failing || null, unarmed: unarmed || null, tells_nobody: silent || null }
  const { jobs, next_cursor: next } = await call<Answered>('GET', `/api/jobs${search({ ...query, ...only })}`)
  return { jobs, cursor, limit, next }
}
