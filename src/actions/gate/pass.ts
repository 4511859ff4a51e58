import type { Handlers } from '../../handlers/index.ts'
import { type HttpAnswer, wishesOf } from '../http/answer.ts'
import type { ActionContext } from '../shared/context.ts'
import { exchange } from '../http/exchange.ts'
import { type Gate, gateOf } from './check.ts'
import { readOrSay } from '../http/run.ts'
import { cappedText } from '../../ground/text.ts'
import type { ActionJob, ActionOutcome, ActionRun } from '../shared/outcome.ts'
import { readCall } from '../http/request.ts'

type Attempt = {
  job: ActionJob
  run: ActionRun
  signal: AbortSignal
  context: ActionContext
  handlers: Handlers | undefined
}
/** The answer of the gate (`says`: a JSON value, or undefined for nothing), or how the attempt ends because it did not. */
type Verdict = { says: unknown } | { nothingToDo: string } | { outcome: ActionOutcome }

const usualTimeoutMs = 10_000
const longestReason = 500

/**
 * Asks the action's `when`, if it has one, whether there is anything to do. Null: go on with the action. Otherwise the
 * attempt is over: succeeded with `skippedReason` if there is nothing to do, failed with GATE_FAILED if the gate
 * did not answer as it should (the next attempt asks again), or stopped.
 *
 * A call says that there is nothing to do by 204 or 304, or by 2xx with `{"proceed": false, "reason": …}`; a handler
 * by returning false, or that object. `handlers`: default those that this service has.
 *
 * @throws AppError: as `context.secret`
 */
export async function passGate(
  job: ActionJob,
  run: ActionRun,
  signal: AbortSignal,
  context: ActionContext,
  handlers?: Handlers,
): Promise<ActionOutcome | null> {
  const gate = gateOf(job.action)
  if (!gate) return null
  const attempt = { job: { ...job, action: gate }, run, signal, context, handlers }
  const verdict = gate.type === 'handler' ? await askHandler(gate, attempt) : await askTarget(gate, attempt)
  if ('outcome' in verdict) return failedAt(verdict.outcome)
  const reason = 'nothingToDo' in verdict ? verdict.nothingToDo : reasonIn(verdict.says)
  return reason === null ? null : { state: 'succeeded', skippedReason: reason }
}

async function askHandler(gate: Gate, attempt: Attempt): Promise<Verdict> {
  const { callHandler } = await import('../handler/run.ts')
  const { handler, input, timeout_ms } = gate
  const timeout = typeof timeout_ms === 'number' ? timeout_ms : usualTimeoutMs
  const called = await callHandler(
    { handler: String(handler), input, timeout_ms: timeout },
    attempt,
    attempt.handlers,
  )
  return 'outcome' in called ? called : { says: called.returned }
}

async function askTarget(gate: Gate, { job, run, signal, context }: Attempt): Promise<Verdict> {
  const probe = { ...job, action: { method: 'GET', timeout_ms: usualTimeoutMs, ...gate } }
  const call = await readOrSay(() => readCall(probe, run, context))
  if ('state' in call) return { outcome: call }
  // The action is another thing to do than the question before it, for a target that serves both.
  call.headers.set('idempotency-key', `${call.headers.get('idempotency-key')}:when`)
  const made = await exchange(call, signal, context)
  return 'outcome' in made ? made : read(made.answer)
}

function read(answer: HttpAnswer): Verdict {
  const { status } = answer.response
  if (status === 204 || status === 304) return { nothingToDo: `the gate answered ${status}` }
  if (status >= 200 && status < 300) return { says: jsonIn(answer) }
  const rule = 'a gate must answer 2xx, or 204 or 304 if there is nothing to do'
  const error = { code: 'HTTP_STATUS', message: `target ${answer.from} answered ${status}; ${rule}` }
  return { outcome: { state: 'failed', error, ...wishesOf(answer) } }
}

/** A page that is no JSON says nothing, and so that there is something to do. */
function jsonIn({ body }: HttpAnswer): unknown {
  try {
    return JSON.parse(body.text) as unknown
  } catch {
    return undefined
  }
}

/** Why there is nothing to do; null if there is. */
function reasonIn(says: unknown): string | null {
  const usual = 'the gate reported nothing to do'
  if (says === false) return usual
  if (typeof says !== 'object' || says === null || !('proceed' in says) || says.proceed !== false) return null
  const reason = 'reason' in says && typeof says.reason === 'string' ? says.reason.trim() : ''
  return cappedText(reason, longestReason) || usual
}

/** Stops are not the gate's failures. `retryAfterMs` is the wish of its target. */
function failedAt({ state, error, retryAfterMs }: ActionOutcome): ActionOutcome {
  if (state === 'cancelled' || state === 'interrupted' || error?.code === 'DEADLINE')
    return { state, ...(error && { error }) }
  const message = `the gate failed with ${error?.code}: ${error?.message}`
  return {
    state: 'failed',
    error: { code: 'GATE_FAILED', message },
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  }
}
