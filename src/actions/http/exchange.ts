import { CallFailed, followRedirects, type Hop, OutboundRefusal, type Reply } from '../../outbound/index.ts'
import { readBody } from '../shared/body.ts'
import type { Progress } from '../shared/progress.ts'
import type { HttpAnswer } from './answer.ts'
import type { ActionContext } from '../shared/context.ts'
import { callFailed, failureOf } from '../shared/failure.ts'
import type { ActionOutcome } from '../shared/outcome.ts'
import type { HttpCall } from './request.ts'
import { stopAfter, stopOutcome } from '../shared/stop.ts'

// The URL to report to does not leave the first origin: a target elsewhere could not report.
const leadsAway = 'redirects to another origin. A call with a callback follows no such redirect:'

/**
 * Makes a call and reads its answer, within the call's time limit and in 64 KiB; everything that it reads is logged. The answer,
 * or how the attempt ended without one. The connections are closed after it.
 */
export async function exchange(
  call: HttpCall,
  signal: AbortSignal,
  context: ActionContext,
): Promise<{ answer: HttpAnswer } | { outcome: ActionOutcome }> {
  const line = context.line()
  const stop = stopAfter(call.timeoutMs, signal)
  const startedAt = performance.now()
  const progress: Progress = { status: null, bytes: 0 }
  let from = call.shownAs
  try {
    const { url, method, headers, body } = call
    const { response, redirects } = await followRedirects({ url, method, headers, body }, send, {
      most: call.maxRedirects,
      secretHeaders: call.secretHeaders,
      isBodySecret: call.isBodySecret,
    })
    const read = await readBody(response, progress, stop.signal, context.log)
    return { answer: { response, body: read, from, redirects, tookMs: performance.now() - startedAt } }
  } catch (error) {
    if (stop.signal.aborted)
      return { outcome: stopOutcome(stop.signal.reason, from, progress, performance.now() - startedAt) }
    const outcome = failureOf(error, from, progress)
    if (outcome) return { outcome }
    if (error instanceof CallFailed) return { outcome: callFailed(from, progress) }
    throw error
  } finally {
    stop.release()
    await line.close()
  }

  async function send(hop: Hop): Promise<Reply> {
    const { url } = hop
    // if the target is a secret, so are its redirects
    if (call.shownAs === call.url.origin) from = url.origin
    if (call.callbackMs !== null && url.origin !== call.url.origin)
      throw new OutboundRefusal('REDIRECT_REFUSED', `target ${call.shownAs} ${leadsAway} ${from}`)
    progress.status = null
    if (!context.isHeld()) stop.notHeld()
    const response = await line.send(hop, stop.signal)
    progress.status = response.status
    return response
  }
}
