import { inspect } from 'node:util'
import { AppError } from '../../ground/errors.ts'
import { type Handler, type Handlers, handlers as shipped } from '../../handlers/index.ts'
import { namesIn, renderJson } from '../../template/index.ts'
import type { ActionContext } from '../shared/context.ts'
import { openScope } from './scope.ts'
import { inputProblems, overlaid } from './input.ts'
import { type ActionJob, type ActionOutcome, type ActionRun, finalFailure } from '../shared/outcome.ts'
import { mostOutputBytes, timeoutOf } from '../shared/limits.ts'
import { stopAfter, stopped } from '../shared/stop.ts'
import { valuesOf } from '../shared/values.ts'
import { cappedText } from '../../ground/text.ts'

/** Which handler, and with what: templates in `input` are filled in before the run's own input is laid over it. */
export type HandlerCall = { handler: string; input?: unknown; timeout_ms?: number }

/** Its return value, if it came in time, or how the attempt ends because it did not. */
export type Called = { returned: unknown } | { outcome: ActionOutcome }

type Attempt = { job: ActionJob; run: ActionRun; signal: AbortSignal; context: ActionContext }

const usualTimeoutMs = 300_000
/** A handler that was told to stop gets so long to do so. Then its run is settled without it. */
const graceMs = 5_000

/**
 * One call of a TypeScript function of `handlers/`. The output is its return value: a string as it is, everything else as
 * JSON, its first 64 KiB.
 *
 * Codes of a failure: HANDLER_UNKNOWN and INPUT_INVALID (both final), HANDLER_FAILED (it threw: class and message; the
 * stack is in the attempt's log), TIMEOUT, and the reason of the abort. A handler cannot be ended from outside: one that
 * ignores its signal goes on, without anything that its context gave it.
 *
 * @throws AppError: as `context.secret`; FIELD_INVALID: the input cannot be rendered
 */
export async function runHandler(
  job: ActionJob,
  run: ActionRun,
  signal: AbortSignal,
  context: ActionContext,
  handlers: Handlers = shipped,
): Promise<ActionOutcome> {
  const { action } = job
  const call: HandlerCall = { handler: String(action['handler']), input: action['input'] }
  if (typeof action['timeout_ms'] === 'number') call.timeout_ms = action['timeout_ms']
  const called = await callHandler(call, { job, run, signal, context }, handlers)
  return 'outcome' in called ? called.outcome : succeeded(call.handler, called.returned)
}

/** The same for callers that need the value that it returns. @throws AppError: as `runHandler` */
export async function callHandler(
  call: HandlerCall,
  attempt: Attempt,
  handlers: Handlers = shipped,
): Promise<Called> {
  const { job, run, context } = attempt
  const loaded = await load(call.handler, handlers, context)
  if ('outcome' in loaded) return loaded
  const values = await valuesOf(namesIn(call.input), { job, run, context })
  const input = overlaid(renderJson(call.input, values), run.input)
  const problems = inputProblems(loaded.handler.input, input)
  if (problems.length > 0)
    return {
      outcome: finalFailure('INPUT_INVALID', `handler ${call.handler}: ${problems.slice(0, 10).join('; ')}`),
    }
  return invoke(call, loaded.handler, input, attempt)
}

type Loaded = { handler: Handler } | { outcome: ActionOutcome }

async function load(name: string, handlers: Handlers, context: ActionContext): Promise<Loaded> {
  try {
    const handler = await handlers.load(name)
    if (handler) return { handler }
  } catch (error) {
    return { outcome: failed(`handler ${name} cannot be loaded`, error, context) }
  }
  const message = `No handler ${JSON.stringify(name)}; use ${listed(handlers.names())}`
  return { outcome: finalFailure('HANDLER_UNKNOWN', message) }
}

function listed(names: string[]): string {
  return names.length > 0 ? `one of handlers/: ${names.join(', ')}` : 'a file of handlers/, which has none'
}

async function invoke(
  call: HandlerCall,
  handler: Handler,
  input: unknown,
  { job, run, signal, context }: Attempt,
): Promise<Called> {
  const stop = stopAfter(timeoutOf(call.timeout_ms, job, usualTimeoutMs), signal)
  const scope = openScope({ job, run, context, signal: stop.signal })
  const startedAt = performance.now()
  const grace = afterGrace(stop.signal)
  try {
    if (stop.signal.aborted) return stoppedAt(call, stop.signal, 'before it began')
    const work = settled(async () => handler.run(input, scope.context))
    const ended = await Promise.race([work, grace.over])
    const extent = `after ${Math.round(performance.now() - startedAt)} ms`
    if (ended === null)
      return stoppedAt(call, stop.signal, `${extent}; it was told to stop, and goes on all the same`)
    if (stop.signal.aborted) return stoppedAt(call, stop.signal, extent)
    if ('returned' in ended) return ended
    if (ended.thrown instanceof AppError) throw ended.thrown
    return { outcome: failed(`handler ${call.handler} failed`, ended.thrown, context) }
  } finally {
    stop.release()
    grace.release()
    await scope.close()
  }
}

function stoppedAt({ handler }: HandlerCall, { reason }: AbortSignal, extent: string): Called {
  return { outcome: stopped(reason, `handler ${handler}`, extent) }
}

/** Never rejects: errors of a handler after its run is settled are dropped. */
async function settled(work: () => Promise<unknown>): Promise<{ returned: unknown } | { thrown: unknown }> {
  try {
    return { returned: await work() }
  } catch (thrown) {
    return { thrown }
  }
}

/** `over` resolves to null when the signal has been aborted for the grace. */
function afterGrace(signal: AbortSignal): { over: Promise<null>; release(): void } {
  const { promise: over, resolve } = Promise.withResolvers<null>()
  let timer: NodeJS.Timeout | undefined
  const begin = () => {
    timer = setTimeout(() => resolve(null), graceMs)
  }
  signal.addEventListener('abort', begin, { once: true })
  return {
    over,
    release() {
      signal.removeEventListener('abort', begin)
      clearTimeout(timer)
    },
  }
}

function failed(subject: string, thrown: unknown, context: ActionContext): ActionOutcome {
  context.log(`${inspect(thrown)}\n`)
  const what = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : inspect(thrown)
  return {
    state: 'failed',
    error: { code: 'HANDLER_FAILED', message: cappedText(`${subject}: ${what}`, 2_000) },
  }
}

function succeeded(name: string, returned: unknown): ActionOutcome {
  try {
    const text = typeof returned === 'string' ? returned : JSON.stringify(returned)
    return {
      state: 'succeeded',
      ...(text === undefined ? {} : { output: cappedText(text, mostOutputBytes) }),
    }
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    const message = `Handler ${name} returned a value that is not JSON (${error.message.split('\n')[0]}). Return a string or JSON.`
    return { state: 'failed', error: { code: 'HANDLER_FAILED', message: cappedText(message, 2_000) } }
  }
}
