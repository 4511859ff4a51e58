/** Which jobs have work under way in this process that may end any moment: runs that have begun, and deliveries. */
export type Rest = {
  during(jobId: string, work: Promise<unknown>): void
  /** Resolves when nothing is under way for the job; null: nothing is. */
  of(jobId: string): Promise<void> | null
}

export function createRest(): Rest {
  const busy = new Map<string, { count: number; rested: Promise<void>; tell: () => void }>()

  function enter(jobId: string) {
    const found = busy.get(jobId)
    if (found) found.count += 1
    else {
      const { promise, resolve } = Promise.withResolvers<void>()
      busy.set(jobId, { count: 1, rested: promise, tell: resolve })
    }
  }

  function leave(jobId: string) {
    const found = busy.get(jobId)
    if (!found || --found.count > 0) return
    busy.delete(jobId)
    found.tell()
  }

  return {
    during(jobId, work) {
      enter(jobId)
      void work.catch(() => {}).finally(() => leave(jobId))
    },
    of: (jobId) => busy.get(jobId)?.rested ?? null,
  }
}
