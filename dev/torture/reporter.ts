import type { CallbackClaims } from '../../src/run/callback-address.ts'
import { AppError } from '../../src/ground/errors.ts'
import type { Machine } from './machine.ts'
import { never, type Steps } from './steps.ts'
import type { VirtualTime } from './time.ts'
import type { Unpromised } from './unpromised.ts'

/** How a report was answered, by the attempt that it was about. */
export type Answered = { runId: string; fence: number; answer: 'taken' | AppError['code'] }

/** Targets that took work: they report how it ended, to the address that they were given, until they are answered. */
export type Reporter = {
  /** After so many milliseconds, to whichever machine takes it. */
  report(url: string, afterMs: number): void
  answered(): Answered[]
}

/** The output that is reported. */
export const reportedOutput = 'reported'
const againMs = 1_000

type ReporterNeeds = { wake: () => Machine; steps: Steps; time: VirtualTime; unpromised: Unpromised }

export function createReporter({ wake, steps, time, unpromised }: ReporterNeeds): Reporter {
  const answers: Answered[] = []

  function send(url: string) {
    const machine = wake()
    const { address, holds, life } = machine
    const claims = address.verify(url.slice(url.lastIndexOf('/') + 1))
    const { jobId, runId, fence } = claims
    let isAnswered = false
    unpromised.set(jobId, 'pending')
    const again = () => void time.after(againMs, () => send(url))
    const release = holds.take('request')
    void answerOf(machine, claims)
      .then((answer) =>
        steps.make(life, 'answer.callback', async () => {
          isAnswered = true
          if (answer === null) again()
          else answers.push({ runId, fence, answer })
          if (answer !== null) unpromised.delete(jobId)
        }),
      )
      .finally(release)
    void life.died.then(() => isAnswered || again())
  }

  return { report: (url, afterMs) => void time.after(afterMs, () => send(url)), answered: () => answers }
}

/** As the route has it. Null: to be sent again. */
async function answerOf({ core, life }: Machine, claims: CallbackClaims): Promise<Answered['answer'] | null> {
  if (core.isDraining()) return null
  try {
    await core.callbacks.report(claims, { state: 'succeeded', output: reportedOutput, message: null })
    return 'taken'
  } catch (error) {
    if (!life.isAlive()) return never<never>()
    if (!(error instanceof AppError)) throw error
    return error.statusCode === 503 ? null : error.code
  }
}
