import fc from 'fast-check'
import { type Answer, httpAnswer, modelAnswer, type Replies, smtpReplies } from './answers.ts'
import type { Bytes } from './bytes.ts'
import { type Call, callsOf } from './calls.ts'
import type { Description } from './operations.ts'
import { wildValue } from './wild.ts'

export const receiverTypes = ['webhook', 'slack', 'discord', 'telegram', 'email', 'healthcheck'] as const
export type ReceiverType = (typeof receiverTypes)[number]

/** A job that runs, and the answers of all that it calls. */
export type Outing = {
  kind: 'http' | 'callback' | 'gate' | 'prompt' | 'handler'
  /** By a one-shot that the timer service fires, or by a call. */
  isFired: boolean
  answer: Answer
  timeoutMs: number
  attempts: number
  /** The run's input; JSON. */
  input: Bytes
  receiver: { type: ReceiverType; answer: Answer; replies: Replies } | null
}

/** What is played at once: plain data, so that it can be saved and played again. */
export type Group = { outings: Outing[]; calls: Call[]; answers: Answer[] }

const mostCalls = 150
const mostOutings = 12

/** @throws Error: an operation that nothing can be generated for */
export function groupsOf(description: Description): fc.Arbitrary<Group> {
  return fc.record({
    outings: fc.array(
      fc.oneof(
        { weight: 2, arbitrary: outingOf(['http', 'callback', 'gate', 'handler'], httpAnswer) },
        { weight: 1, arbitrary: outingOf(['prompt'], modelAnswer) },
      ),
      { maxLength: mostOutings, size: 'max' },
    ),
    calls: fc.array(callsOf(description), { minLength: 0, maxLength: mostCalls, size: 'max' }),
    // where the jobs and channels of those calls lead to
    answers: fc.array(fc.oneof(httpAnswer, modelAnswer).map(briefly), { minLength: 1, maxLength: 4 }),
  })
}

function outingOf(kinds: Outing['kind'][], answer: fc.Arbitrary<Answer>): fc.Arbitrary<Outing> {
  return fc.record({
    kind: fc.constantFrom(...kinds),
    isFired: fc.oneof(
      { weight: 2, arbitrary: fc.constant(false) },
      { weight: 1, arbitrary: fc.constant(true) },
    ),
    answer,
    timeoutMs: fc.constantFrom(20, 300, 1_000, 1_500),
    attempts: fc.constantFrom(1, 1, 2),
    input: fc.oneof(
      { weight: 3, arbitrary: fc.constant<Bytes>(['null']) },
      { weight: 1, arbitrary: wildValue },
    ),
    receiver: fc.oneof(
      { weight: 1, arbitrary: fc.constant(null) },
      {
        weight: 1,
        arbitrary: fc.record({
          type: fc.constantFrom(...receiverTypes),
          answer: httpAnswer,
          replies: smtpReplies,
        }),
      },
    ),
  })
}

/** Its callers have the longest limits, and wait for it. */
function briefly(answer: Answer): Answer {
  return { ...answer, isEndless: false, ending: answer.ending === 'hold' ? 'reset' : answer.ending, gapMs: 0 }
}
