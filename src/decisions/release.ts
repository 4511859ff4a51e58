import { close, openDraft, parkRun } from './draft.ts'
import type { Decision, View } from './types.ts'

/**
 * Gives a claimed run back before its attempt began: another process takes it, and the attempt does not count. Null:
 * the fence no longer holds it.
 */
export function release(view: View, held: { runId: string; fence: number }): Decision | null {
  const run = view.live.find(
    ({ id, fence, leaseUntil }) => id === held.runId && fence === held.fence && leaseUntil,
  )
  if (!run) return null
  const draft = openDraft(view)
  parkRun(draft, run, view.now)
  return close(draft)
}
