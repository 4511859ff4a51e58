import type { Received } from './hook.ts'

/** Answers that a kill may have taken. */
export type Lost = {
  /** From the signal until the relay listened again, in epoch milliseconds. */
  kills: { fromMs: number; toMs: number }[]
  /** Wake-ups whose provision had to be made more than once (`keyOf`): it may have been fired in between. */
  provisions: Set<string>
}

type Fire = Pick<Received, 'jobId' | 'fireAt' | 'at' | 'status'>

export function keyOf({ jobId, fireAt }: Pick<Fire, 'jobId' | 'fireAt'>): string {
  return `${jobId} for ${fireAt}`
}

/**
 * The wake-ups that were taken a second time. Allowed is one whose first answer the relay may not have stored, because
 * it was killed in between, or that was armed again because the answer to its provision was lost. No other is.
 */
export function doublesOf(fires: readonly Fire[], { kills, provisions }: Lost) {
  const allowed: string[] = []
  const wrong: string[] = []
  const lastAt = new Map<string, number>()
  for (const fire of fires.filter(({ status }) => status === 202).toSorted((a, b) => a.at - b.at)) {
    const key = keyOf(fire)
    const firstAt = lastAt.get(key)
    lastAt.set(key, fire.at)
    if (firstAt === undefined) continue
    const isKilled = kills.some(({ fromMs, toMs }) => toMs >= firstAt && fromMs <= fire.at)
    if (isKilled || provisions.has(key)) allowed.push(key)
    else wrong.push(`delivered twice though no answer was lost: ${key}`)
  }
  return { allowed, wrong }
}
