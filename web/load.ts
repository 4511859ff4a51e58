import { useEffect, useRef, useState } from 'preact/hooks'
import { type ApiError, asApiError } from './api.ts'
import { onNews } from './live.ts'

export type Loaded<T> = {
  /** What was known last; it stays while the next answer is awaited, and when that fails. */
  data: T | null
  error: ApiError | null
  isLoading: boolean
  /** Asks again now; resolves when the answer is there. */
  reload(): Promise<void>
}

/**
 * What `ask` answers, asked again when one of `keys` changes, and whenever it is time for news (`live`, by default).
 * Of two answers the later question's is kept.
 */
export function useLoad<T>(
  ask: () => Promise<T>,
  keys: readonly unknown[],
  { live = true }: { live?: boolean } = {},
): Loaded<T> {
  const [state, set] = useState<{ data: T | null; error: ApiError | null; isLoading: boolean }>({
    data: null,
    error: null,
    isLoading: true,
  })
  const latest = useRef(ask)
  latest.current = ask
  const question = useRef(0)
  const reload = useRef(async () => {
    const mine = ++question.current
    set((now) => ({ ...now, isLoading: true }))
    try {
      const data = await latest.current()
      if (mine === question.current) set({ data, error: null, isLoading: false })
    } catch (error) {
      const known = asApiError(error)
      if (mine === question.current) set((now) => ({ data: now.data, error: known, isLoading: false }))
    }
  }).current
  const key = JSON.stringify(keys)
  useEffect(() => {
    // another question: the answer to the old one is not shown for it
    set({ data: null, error: null, isLoading: true })
    void reload()
    return () => void question.current++
  }, [key])
  const failed = useRef(false)
  failed.current = state.error !== null
  // what could not be read is asked for again too, for example once the machine is awake
  useEffect(() => onNews(() => void ((live || failed.current) && reload())), [live])
  return { ...state, reload }
}
