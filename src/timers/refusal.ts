import type { TimerFailure } from './answer.ts'

/** Remembers the answer after which a service is not called any more, and logs it once. */
export function createRefusal(title: string, log: { error(fields: object, message: string): void }) {
  let refusal: TimerFailure | null = null
  return {
    get: () => refusal,
    note(answer: TimerFailure) {
      if (answer.kind !== 'refused' || refusal) return
      refusal = answer
      log.error(
        { code: answer.code, status: answer.status },
        `${title} permanently refuses this service: ${answer.message}`,
      )
    },
  }
}
