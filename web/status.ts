import { signal } from '@preact/signals'
import { call } from './api.ts'
import { onNews } from './live.ts'
import type { Status } from './types.ts'

/** The status of the service as it was last known: the corner is on each page, and asks for it with the news. */
export const status = signal<Status | null>(null)

let asked: Promise<void> | null = null

async function ask(): Promise<void> {
  // the page says by itself that nothing answers, or that no one is signed in
  const answer = await call<Status>('GET', '/api/status').catch(() => null)
  if (answer?.process) status.value = answer
}

/** Asks before it is known who is signed in: the first view waits for one answer after the other otherwise. */
export function askEarly(): void {
  asked = ask()
}

/** From now on the status is known; it is asked for at once. Returns a function that ends that. */
export function followStatus(): () => void {
  // what was asked early is answered by now, or soon
  if (!asked) void ask()
  asked = null
  return onNews(() => void ask())
}
