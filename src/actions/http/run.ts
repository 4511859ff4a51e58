import { AppError } from '../../ground/errors.ts'
import { judge } from './answer.ts'
import type { ActionContext } from '../shared/context.ts'
import { exchange } from './exchange.ts'
import { type ActionJob, type ActionOutcome, type ActionRun, finalFailure } from '../shared/outcome.ts'
import { type HttpCall, readCall } from './request.ts'

/**
 * One HTTP request, never repeated; redirects are followed as far as the action allows. The attempt is over within its
 * time limit, has read at most 64 KiB of the answer, and has closed its connection.
 *
 * The output is a line with status and duration, an empty line, and the answer's body. Codes of a failure:
 * HTTP_STATUS, TIMEOUT, the reason of the abort (`Actions.run`), ACTION_INVALID (final: the job cannot be sent),
 * and what `failure.ts` lists.
 *
 * @throws AppError: a value that its templates name is not available (`context.secret`, `context.callbackUrl`)
 */
export async function runHttp(
  job: ActionJob,
  run: ActionRun,
  signal: AbortSignal,
  context: ActionContext,
): Promise<ActionOutcome> {
  const call = await readOrSay(() => readCall(job, run, context))
  if ('state' in call) return call
  const made = await exchange(call, signal, context)
  return 'outcome' in made ? made.outcome : judge(call, made.answer)
}

/** A call that cannot be sent as its author wrote it: a failure that repetition does not mend. */
export async function readOrSay(read: () => Promise<HttpCall>): Promise<HttpCall | ActionOutcome> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof AppError && error.code === 'FIELD_INVALID')
      return finalFailure('ACTION_INVALID', error.message)
    throw error
  }
}
