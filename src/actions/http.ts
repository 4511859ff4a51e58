import ky, { isNetworkError } from 'ky'
import { AppError } from '../errors.ts'
import { AnswerBroken, judge, type Progress, readBody } from './answer.ts'
import { callFailed, failureOf } from './failure.ts'
import { type Line, openLine } from './line.ts'
import { type ActionJob, type ActionOutcome, type ActionRun, finalFailure } from './outcome.ts'
import { type HttpCall, readCall } from './request.ts'
import { stopAfter, stopOutcome } from './stop.ts'

type Parts = { userAgent: string; fetch?: typeof globalThis.fetch }

/**
 * One HTTP request: never repeated, no redirect followed. The attempt is over within its time limit, has read at
 * most 64 KiB of the answer, and has closed its connection.
 *
 * The output is a line with status and duration, an empty line, and the answer's body. Codes of a failure:
 * HTTP_STATUS, TIMEOUT, the reason of the abort (`Actions.run`), ACTION_INVALID (final: the job cannot be sent),
 * and what `failure.ts` lists.
 */
export async function runHttp(
  parts: Parts,
  job: ActionJob,
  run: ActionRun,
  signal: AbortSignal,
): Promise<ActionOutcome> {
  const call = readOrSay(() => readCall(job, run, parts.userAgent))
  if ('state' in call) return call
  const line: Line = parts.fetch ? { fetch: parts.fetch, close: async () => undefined } : openLine()
  const stop = stopAfter(call.timeoutMs, signal)
  try {
    return await send(call, line, stop.signal)
  } finally {
    stop.release()
    await line.close()
  }
}

function readOrSay(read: () => HttpCall): HttpCall | ActionOutcome {
  try {
    return read()
  } catch (error) {
    if (error instanceof AppError) return finalFailure('ACTION_INVALID', error.message)
    throw error
  }
}

async function send(call: HttpCall, line: Line, signal: AbortSignal): Promise<ActionOutcome> {
  const startedAt = performance.now()
  const progress: Progress = { status: null, bytes: 0 }
  const { method, headers, body, url } = call
  try {
    const response = await ky(url, {
      method,
      headers,
      body,
      signal,
      fetch: line.fetch,
      retry: 0,
      timeout: false,
      throwHttpErrors: false,
      redirect: 'manual',
    })
    progress.status = response.status
    const answer = await readBody(response, progress, signal)
    return judge(call, response, answer, performance.now() - startedAt)
  } catch (error) {
    if (signal.aborted) return stopOutcome(signal.reason, url.origin, progress, performance.now() - startedAt)
    const outcome = failureOf(error, url.origin, progress)
    if (outcome) return outcome
    if (isNetworkError(error) || error instanceof AnswerBroken) return callFailed(url.origin, progress)
    throw error
  }
}
