import { CallFailed, type Line, type Reply } from '../../outbound/index.ts'
import { readBody } from '../shared/body.ts'
import type { Progress } from '../shared/progress.ts'
import type { ActionContext } from '../shared/context.ts'
import { callFailed, failureOf } from '../shared/failure.ts'
import { type ActionJob, type ActionOutcome, type ActionRun, finalFailure } from '../shared/outcome.ts'
import { type ModelAnswer, BudgetExceeded, createAnswer, ModelFailed } from './answer.ts'
import { AnswerUnreadable, eventsOf, piecesOf, wholeOf } from './events.ts'
import { type PromptCall, readPrompt } from './request.ts'
import type { PromptDefaults } from '../type.ts'
import { refusalOf } from './refusal.ts'
import { ModelSilent, silenceAfter } from './silence.ts'
import { usageBody } from './usage.ts'
import { stopAfter, stopOutcome } from '../shared/stop.ts'
import { beginningOf } from '../../ground/text.ts'

/**
 * The job's prompt, put to an OpenAI-compatible endpoint (`chat/completions`), once; the answer is streamed into the
 * attempt's log and is its output, the first 64 KiB of it. Tokens and cost are in `usage`, estimated where the server
 * does not tell; also where the attempt failed midway, and then with what there is of the answer.
 *
 * Codes of a failure: ACTION_NOT_AVAILABLE (no endpoint or model is set; final), BUDGET_EXCEEDED (final), HTTP_STATUS
 * (final but for 408, 409, 425, 429 and 5xx), MODEL_SILENT and TIMEOUT (timed out), MODEL_FAILED, ANSWER_EMPTY,
 * ANSWER_UNREADABLE, ANSWER_UNFINISHED, and what `failure.ts` and `stop.ts` list.
 *
 * @throws AppError as `ActionContext.secret`
 */
export async function runPrompt(
  job: ActionJob,
  run: ActionRun,
  signal: AbortSignal,
  context: ActionContext,
  defaults: PromptDefaults,
): Promise<ActionOutcome> {
  const call = await readPrompt(job, run, context, defaults)
  if ('state' in call) return call
  if (call.budgetTokens !== null && call.promptTokens > call.budgetTokens) {
    const message = `The prompt alone has about ${call.promptTokens} tokens; the budget is ${call.budgetTokens}`
    return finalFailure('BUDGET_EXCEEDED', message)
  }
  const line = context.line()
  const stop = stopAfter(call.timeoutMs, signal)
  try {
    if (!context.isHeld()) stop.notHeld()
    return await ask(call, line, stop.signal, context)
  } finally {
    stop.release()
    await line.close()
  }
}

async function ask(
  call: PromptCall,
  line: Line,
  signal: AbortSignal,
  context: ActionContext,
): Promise<ActionOutcome> {
  const startedAt = performance.now()
  const progress: Progress = { status: null, bytes: 0 }
  const silence = silenceAfter(call.inactivityMs, signal)
  const answer = createAnswer({ ...call, log: context.log, hide: context.hide })
  try {
    const headers = Object.entries({ 'content-type': 'application/json', ...call.headers })
    const body = JSON.stringify(call.body)
    const response = await line.send({ url: call.url, method: 'POST', headers, body }, silence.signal)
    progress.status = response.status
    silence.heard()
    if (response.status < 200 || response.status > 299)
      return refusalOf(
        call.url.origin,
        response,
        await readBody(response, progress, silence.signal),
        context.hide,
      )
    await readAnswer(response, answer, progress, silence)
    return withAnswer(call, answer, ended(call, answer, context))
  } catch (error) {
    const outcome = failed(error, call, { signal: silence.signal, progress, startedAt })
    return progress.status === 200 ? withAnswer(call, answer, outcome) : outcome
  } finally {
    silence.release()
  }
}

async function readAnswer(
  response: Reply,
  answer: ModelAnswer,
  progress: Progress,
  { signal, heard }: { signal: AbortSignal; heard: () => void },
): Promise<void> {
  const type = (response.headers.get('content-type') ?? 'nothing').split(';')[0]?.trim().toLowerCase() ?? ''
  const pieces = piecesOf(response, progress, signal, heard)
  if (type === 'text/event-stream') {
    for await (const data of eventsOf(pieces)) answer.take(data)
  } else if (/^application\/(.+\+)?json$/.test(type)) {
    answer.take(await wholeOf(pieces))
  } else {
    await response.body?.cancel()
    throw new AnswerUnreadable(`${beginningOf(type, 100)} was sent, not a stream of events or JSON`)
  }
}

/** The outcome of a complete answer. */
function ended({ url }: PromptCall, answer: ModelAnswer, { log }: ActionContext): ActionOutcome {
  const reason = answer.finishReason()
  const text = answer.text()
  if (text === null || text.trim() === '') {
    const why = reason === null ? '' : ` (it ended with "${reason}")`
    return failure('ANSWER_EMPTY', `model server ${url.origin} sent an answer without text${why}`)
  }
  if (reason === null && !answer.isDone())
    return failure(
      'ANSWER_UNFINISHED',
      `model server ${url.origin} ended its stream before the answer was over`,
    )
  if (reason === 'length') log('\n[the answer is cut: the model has reached its limit of tokens]\n')
  return { state: 'succeeded' }
}

function withAnswer(
  { model, price }: PromptCall,
  answer: ModelAnswer,
  outcome: ActionOutcome,
): ActionOutcome {
  const text = answer.text()
  const finishReason = answer.finishReason()
  const usage = usageBody({ model: answer.model() ?? model, ...answer.tokens(), finishReason, price })
  return { ...outcome, usage, ...(text === null ? {} : { output: text }) }
}

type Circumstances = { signal: AbortSignal; progress: Progress; startedAt: number }

function failed(
  error: unknown,
  call: PromptCall,
  { signal, progress, startedAt }: Circumstances,
): ActionOutcome {
  const { origin } = call.url
  if (error instanceof BudgetExceeded) return finalFailure('BUDGET_EXCEEDED', error.message)
  if (error instanceof ModelFailed)
    return failure(
      'MODEL_FAILED',
      `model server ${origin} reported an error within its answer: ${error.message}`,
    )
  if (error instanceof AnswerUnreadable)
    return failure(
      'ANSWER_UNREADABLE',
      `The answer of model server ${origin} could not be read: ${error.message}`,
    )
  if (signal.aborted) {
    if (signal.reason instanceof ModelSilent) return silent(origin, progress, call)
    return stopOutcome(signal.reason, origin, progress, performance.now() - startedAt)
  }
  const outcome = failureOf(error, origin, progress)
  if (outcome) return outcome
  if (error instanceof CallFailed) return callFailed(origin, progress)
  throw error
}

function silent(origin: string, { status, bytes }: Progress, { inactivityMs }: PromptCall): ActionOutcome {
  const when = status === null ? 'before it answered' : `after ${bytes} bytes of its answer`
  const message = `model server ${origin} sent nothing for ${inactivityMs} ms ${when}`
  return { state: 'timed_out', error: { code: 'MODEL_SILENT', message } }
}

function failure(code: string, message: string): ActionOutcome {
  return { state: 'failed', error: { code, message } }
}
