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

/** The strips of so many jobs, as far as they can be read; those that are older than half a minute are read again. */
export async function stripsOf(jobIds: readonly string[]): Promise<ReadonlyMap<string, JobStrip | null>> {
  const old = jobIds.filter((id) => Date.now() - (askedAt.get(id) ?? 0) > freshMs || !known.get(id)?.peek())
  for (let from = 0; from < old.length; from += crowd) await read(old.slice(from, from + crowd))
  return new Map(jobIds.map((id) => [id, known.get(id)?.peek() ?? null]))
}

async function read(ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    askedAt.set(id, Date.now())
    if (!known.has(id)) known.set(id, signal(null))
  }
  const { strips } = await call<{ strips: JobStrip[] }>('GET', `/api/jobs/strips?ids=${ids.join(',')}`)
  for (const strip of strips) {
    const place = known.get(strip.job_id)
    if (place) place.value = strip
  }
}

async function ask(): Promise<void> {
  const ids = [...wanted].slice(-crowd)
  wanted.clear()
  try {
    await read(ids)
  } catch {
    // the list itself says what is wrong; a strip is asked for again when its row is shown next
  } finally {
    isAsking = false
    const [next] = wanted
    if (next !== undefined) want(next)
  }
}
