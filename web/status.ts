import { signal } from '@preact/signals'
import { call } from './api.ts'
import { onNews } from './live.ts'
import { projects } from './project.ts'
import type { Status } from './types.ts'

/** The status of the service as it was last known, for keys that see all of it. The corner is on each page, and asks for it with the news. */
export const status = signal<Status | null>(null)

let asked: Promise<void> | null = null

/** A key of one project is told of that alone. */
export async function askAgain(): Promise<void> {
  // the page says by itself that nothing answers, or that no one is signed in
  const answer = await call<Partial<Status>>('GET', '/api/status').catch(() => null)
  if (!answer) return
  status.value = answer.process ? (answer as Status) : null
  projects.value = answer.projects ?? []
}

/** Asks before it is known who is signed in: the first view waits for one answer after the other otherwise. */
export function askEarly(): void {
  asked = askAgain()
}

/** From now on the status is known; it is asked for at once. Returns a function that ends that. */
export function followStatus(): () => void {
  // what was asked early is answered by now, or soon
  if (!asked) void askAgain()
  asked = null
  return onNews(() => void askAgain())
}
