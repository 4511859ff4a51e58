import type { HandlerContext } from '../../handlers/index.ts'
import type { ActionContext } from '../shared/context.ts'
import { idempotencyKey } from '../shared/identity.ts'
import type { ActionJob, ActionRun } from '../shared/outcome.ts'

type Line = ReturnType<ActionContext['line']>
type ScopeNeeds = { job: ActionJob; run: ActionRun; context: ActionContext; signal: AbortSignal }

/** The context of a handler, until it is closed: then its connections are cut, and nothing is given or taken any more. */
export type HandlerScope = { context: HandlerContext; close(): Promise<void> }

export function openScope({ job, run, context, signal }: ScopeNeeds): HandlerScope {
  let isOpen = true
  let line: Line | undefined

  function demandOpen(what: string) {
    if (isOpen) return
    throw new Error(`${what} was called after the attempt of its handler ended`)
  }

  const given: HandlerContext = {
    signal,
    log(text) {
      if (isOpen) context.log(text)
    },
    async secret(name) {
      demandOpen('secret()')
      return context.secret(name)
    },
    idempotencyKey: idempotencyKey(job, run),
    fence: run.fence,
    traceparent: context.traceparent,
    isHeld: () => isOpen && context.isHeld(),
    job: { id: job.id, name: job.name },
    run: { id: run.id, slot: run.slot, attempt: run.attempt, trigger: run.trigger },
    async fetch(input, init = {}) {
      demandOpen('fetch()')
      line ??= context.line()
      const own = init.signal ? AbortSignal.any([init.signal, signal]) : signal
      // The line sends each call once: a redirect is an answer like any other.
      return line.fetch(input, { redirect: 'manual', ...init, signal: own })
    },
  }

  return {
    context: given,
    async close() {
      isOpen = false
      await line?.close()
    },
  }
}
