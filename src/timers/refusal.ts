import type { TimerAnswer, TimerFailure } from './answer.ts'

type RefusalNeeds<Code extends string> = {
  /** The beginning of the line that is logged, once; what the service said follows. */
  says: string
  /** Of an answer of kind `refused`; default: each of them ends the calls. */
  isFinal?: (answer: TimerFailure<Code>) => boolean
  log: { error(fields: object, message: string): void }
}

/** Remembers the answer after which a service is not called any more, and logs it once. */
export function createRefusal<Code extends string = string>(needs: RefusalNeeds<Code>) {
  const { says, isFinal = () => true, log } = needs
  let refusal: TimerFailure<Code> | null = null

  function note(answer: TimerFailure<Code>) {
    if (answer.kind !== 'refused' || !isFinal(answer) || refusal) return
    refusal = answer
    log.error({ code: answer.code, status: answer.status }, `${says}: ${answer.message}`)
  }

  return {
    get: () => refusal,
    /** The answer of the call; it is not made if an earlier one was refused, and has that answer. */
    async unlessRefused<T>(call: () => Promise<TimerAnswer<T, Code>>): Promise<TimerAnswer<T, Code>> {
      if (refusal) return refusal
      const answer = await call()
      if (!answer.ok) note(answer)
      return answer
    },
  }
}
