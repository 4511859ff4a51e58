import type { createRefusal } from './refusal.ts'
import type { TimerAnswer } from './answer.ts'
import { openConnection } from './call.ts'
import type { TimerCalls } from './timer.ts'

type StandaloneNeeds = Pick<TimerCalls, 'arm'> & {
  /** Where all of its calls go. */
  url: string
  refusal: ReturnType<typeof createRefusal>
  /** Deletes a wake-up by the name that the service gave it. */
  remove(scheduleId: string, signal?: AbortSignal): Promise<TimerAnswer<unknown>>
}

/** The calls of a service whose wake-ups stand for themselves each, and cannot be listed. */
export function createStandaloneCalls({ url, arm, refusal, remove }: StandaloneNeeds): TimerCalls {
  const place = new URL(url)
  return {
    open() {
      if (!refusal.get()) openConnection(place)
    },
    arm,
    async cancel({ scheduleId }, signal) {
      if (scheduleId === null) return { ok: true, value: null }
      const answer = await remove(scheduleId, signal)
      // one that has fired is gone
      return answer.ok || answer.status === 404 ? { ok: true, value: null } : answer
    },
    list: async () => ({ ok: true, value: null }),
    refusal: refusal.get,
    session: () => (refusal.get() ? 'terminal' : 'valid'),
  }
}
