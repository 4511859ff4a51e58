import { type Signal, signal } from '@preact/signals'
import { call } from '../api.ts'
import type { JobStrip } from '../types.ts'

/** What is known of the last slots of each job; asked for in crowds, when a row that shows one comes into view. */
const known = new Map<string, Signal<JobStrip | null>>()
const askedAt = new Map<string, number>()
const wanted = new Set<string>()
let isAsking = false

const freshMs = 30_000
const crowd = 100

/** The strip of a job, null until it is there. Asking for it again refreshes what is older than half a minute. */
export function stripOf(jobId: string): Signal<JobStrip | null> {
  const found = known.get(jobId) ?? signal<JobStrip | null>(null)
  known.set(jobId, found)
  if (Date.now() - (askedAt.get(jobId) ?? 0) > freshMs) want(jobId)
  return found
}

function want(jobId: string): void {
  wanted.add(jobId)
  if (isAsking) return
  isAsking = true
  // a row that is only scrolled past is not asked for
  setTimeout(() => void ask(), 80)
}

async function ask(): Promise<void> {
  const ids = [...wanted].slice(-crowd)
  wanted.clear()
  for (const id of ids) askedAt.set(id, Date.now())
  try {
    const { strips } = await call<{ strips: JobStrip[] }>('GET', `/api/jobs/strips?ids=${ids.join(',')}`)
    for (const strip of strips) {
      const place = known.get(strip.job_id)
      if (place) place.value = strip
    }
  } catch {
    // the list itself says what is wrong; a strip is asked for again when its row is shown next
  } finally {
    isAsking = false
    const [next] = wanted
    if (next !== undefined) want(next)
  }
}
