export type Labels = Readonly<Record<string, string>>
export type Sample = { labels: Labels; value: number }

/**
 * A metric and its values. The name says whose it is: `chronos_process_…` is about one process, and `sum()` over machines
 * is right; every other `chronos_…` is about the service, is the same on each machine, and asks for `max()`.
 */
export type Family =
  | { type: 'counter' | 'gauge'; name: string; about: string; samples: readonly Sample[] }
  | {
      type: 'histogram'
      name: string
      about: string
      /** Upper bounds in seconds, growing, without `+Inf`. */
      bounds: readonly number[]
      /** What is in each bucket and in no lower one; one more than there are bounds. */
      counts: readonly number[]
      /** Seconds. */
      sum: number
    }

/** What Prometheus shows beside the name. */
export function helpOf({ name, about }: Family): string {
  return name.startsWith('chronos_process_')
    ? `${about}. Of this process alone: sum() adds machines up`
    : `${about}. Of the whole service, the same on every machine: use max()`
}
