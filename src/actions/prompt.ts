import { type ActionJob, type ActionOutcome, finalFailure } from './outcome.ts'

/** Fails for good: a prompt needs an agent that answers it, and this service does not know of one. */
export function runPrompt({ prompt }: ActionJob): ActionOutcome {
  const given = prompt === null ? 'no prompt' : `a prompt of ${prompt.length} characters`
  const needed =
    'needed is an agent endpoint to send it to, and none is configured; an "http" action runs as is'
  return finalFailure('ACTION_NOT_AVAILABLE', `${given} was given; ${needed}`)
}
