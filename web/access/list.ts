import { useState } from 'preact/hooks'
import { ApiError, call, search } from '../api.ts'
import { useLoad } from '../load.ts'

export type List<Row> = {
  /** Null: not known yet. */
  rows: readonly Row[] | null
  error: ApiError | null
  reload(): Promise<void>
  /** Asks for the rows that come after these; null: there are no more. */
  more: (() => Promise<void>) | null
}

type Filter = Record<string, string | null | undefined>

/** The rows of a list that the API answers page by page, under `name`. */
export function useList<Row>(path: string, name: string, filter: Filter = {}): List<Row> {
  const [rest, setRest] = useState<{ rows: readonly Row[]; cursor: string | null } | null>(null)
  const [error, setError] = useState<ApiError | null>(null)
  const ask = async (cursor: string | null) => {
    const body = await call<Record<string, unknown>>('GET', path + search({ ...filter, limit: 100, cursor }))
    return { rows: body[name] as readonly Row[], cursor: body['next_cursor'] as string | null }
  }
  const first = useLoad(
    async () => {
      const page = await ask(null)
      setRest(null)
      return page
    },
    [path, filter],
    { live: false },
  )
  const cursor = rest ? rest.cursor : (first.data?.cursor ?? null)
  const more = async () => {
    try {
      const page = await ask(cursor)
      setRest((now) => ({ rows: [...(now?.rows ?? []), ...page.rows], cursor: page.cursor }))
      setError(null)
    } catch (caught) {
      setError(caught instanceof ApiError ? caught : null)
    }
  }
  return {
    rows: first.data && [...first.data.rows, ...(rest?.rows ?? [])],
    error: first.error ?? error,
    reload: first.reload,
    more: cursor === null ? null : more,
  }
}
