import { useEffect, useMemo, useState } from 'preact/hooks'
import { type ApiError, asApiError } from '../api.ts'
import type { Sort } from '../parts/table.tsx'
import type { Job, JobStrip } from '../types.ts'
import type { JobList } from './list.ts'
import { stripsOf } from './strips.ts'

/**
 * So many jobs are compared by what only their strips know. The service orders 100,000 by a column in a fifth of a second; to add up
 * the last runs of each would take many times that, for a figure that is not the one in the table.
 */
const comparedMost = 500

const figures: Record<string, (strip: JobStrip) => number | null> = {
  rate: ({ success_rate: rate }) => rate,
  took: ({ p50_ms: p50 }) => p50,
}

export type Compared = {
  jobs: readonly Job[]
  /** The rows are in this order because of what their strips say. */
  isByFigure: boolean
  /** The strips are on their way. */
  isComparing: boolean
  error: ApiError | null
  again(): void
}

/**
 * The jobs of a list by their success rate or duration, for as many as are compared; those without one come last. The order stays
 * as it was when it was asked for, so that no row moves while it is read.
 */
export function useCompared(list: JobList, sort: Sort | null, key: string): Compared {
  const figure = sort ? figures[sort.by] : undefined
  const mine = figure ? `${key} ${sort?.by}` : ''
  const [known, set] = useState<{
    of: string
    values: ReadonlyMap<string, number | null>
    error: ApiError | null
  }>({
    ...{ of: '', values: new Map(), error: null },
  })
  const [tries, setTries] = useState(0)
  useEffect(() => {
    if (!figure) return undefined
    let isWanted = true
    const compare = async () => {
      const jobs = (await list.all(comparedMost)).slice(0, comparedMost)
      const strips = await stripsOf(jobs.map(({ id }) => id))
      const values = new Map([...strips].map(([id, strip]) => [id, strip && figure(strip)]))
      if (isWanted) set({ of: mine, values, error: null })
    }
    compare().catch(
      (error: unknown) => isWanted && set({ of: mine, values: new Map(), error: asApiError(error) }),
    )
    return () => {
      isWanted = false
    }
  }, [mine, tries, list.error === null])
  const isThere = known.of === mine
  const jobs = useMemo(() => {
    if (!figure || !isThere) return list.jobs
    const few = list.jobs.slice(0, comparedMost)
    return few.toSorted((a, b) =>
      compared(known.values.get(a.id), known.values.get(b.id), sort?.descending === true),
    )
  }, [list.jobs, known, mine, sort?.descending])
  return {
    jobs,
    isByFigure: figure !== undefined,
    isComparing: figure !== undefined && !isThere,
    error: isThere ? known.error : null,
    again: () => setTries((n) => n + 1),
  }
}

function compared(a: number | null | undefined, b: number | null | undefined, isDescending: boolean): number {
  if (a === null || a === undefined || b === null || b === undefined)
    return Number(a === null || a === undefined) - Number(b === null || b === undefined)
  return isDescending ? b - a : a - b
}
