import { type DeliveryTarget, startPings } from '../decisions/index.ts'
import type { Holds } from '../ground/holds.ts'
import type { Log } from '../ground/log.ts'
import { linkOf, type SendMessage } from './send.ts'
import type { HeldRun } from '../run/leases.ts'
import type { Delays } from '../ground/delays.ts'

type StartPingNeeds = {
  send: SendMessage
  holds: Holds
  delays: Delays
  log: Pick<Log, 'warn' | 'error'>
  callbackUrl: string | null
}

/** A start that is told later than this says nothing that its end will not say. */
const longestMs = 5_000

/**
 * Tells health checks that an attempt begins, beside it: nothing waits for the pings, none is sent twice, and what
 * comes of them is only logged. Call the returned function when the attempt has ended: a start that arrived after its end
 * would leave a check waiting for another one.
 */
export function createStartPing({ send, holds, delays, log, callbackUrl }: StartPingNeeds) {
  return (run: HeldRun): (() => void) => {
    const { authored, view } = run.look
    // one that finds nothing to do sends nothing at its end
    const targets = authored.action['when'] ? [] : startPings(view)
    if (targets.length === 0) return () => {}
    const stop = new AbortController()
    const end = (code: string) => stop.abort(Object.assign(new Error('The ping was cancelled'), { code }))
    const takeBack = delays.after(longestMs, () => end('TIMEOUT'))
    const pings = targets.map((target) => ping(run, target, stop.signal))
    void holds.during('delivery', Promise.all(pings).finally(takeBack))
    return () => end('CANCELLED')
  }

  async function ping({ look, write, runId }: HeldRun, target: DeliveryTarget, signal: AbortSignal) {
    const { id, name, project } = look.authored
    const { slot, attempt, trigger } = write
    const times = { startedAt: look.view.now, finishedAt: null, durationMs: null }
    const message = {
      ...{ id: runId, event: 'start' as const, job: { id, name } },
      run: { id: runId, slot, state: 'running', attempt, trigger, ...times },
      ...{ output: null, error: null, link: linkOf(callbackUrl, runId) },
    }
    try {
      const sent = await send(target, message, signal, project)
      if (sent.state !== 'delivered' && !isEnded(signal))
        log.warn({ job: id, run: runId, code: sent.error.code }, `a start ping failed: ${sent.error.message}`)
    } catch (error) {
      log.error({ err: error, job: id, run: runId }, 'a start ping failed with an internal error')
    }
  }
}

function isEnded({ aborted, reason }: AbortSignal): boolean {
  return aborted && (reason as { code: string }).code === 'CANCELLED'
}
