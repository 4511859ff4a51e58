import type { ActionJob, ActionOutcome, ActionRun } from '../actions/index.ts'
import type { SpanWish } from '../telemetry/index.ts'

/** An attempt in the words of the semantic conventions. No header, no body, no query: they may hold secrets. */
export function attemptWish(job: ActionJob, run: ActionRun): SpanWish {
  const isCall = job.action.type === 'http' || job.action.type === 'prompt'
  return {
    name: `attempt ${job.action.type}`,
    kind: isCall ? 'client' : 'internal',
    attributes: {
      ...{ 'chronos.job.id': job.id, 'chronos.job.name': job.name, 'chronos.run.id': run.id },
      ...{ 'chronos.attempt': run.attempt, 'chronos.action': job.action.type },
      ...{ 'faas.invocation_id': run.id, 'faas.trigger': run.slot ? 'timer' : 'other' },
      ...(run.slot && { 'faas.time': run.slot.toISOString() }),
      ...(job.action.type === 'http' && httpOf(job)),
      ...(job.action.type === 'prompt' && { 'gen_ai.operation.name': 'chat', ...modelOf(job) }),
    },
  }
}

/** What is known at its end. A failure is told by its code: its message may have a target's words in it. */
export function endOf(job: ActionJob, outcome: ActionOutcome): [SpanWish['attributes'], string | undefined] {
  const code = outcome.error?.code
  const status = Number(/^HTTP (\d{3}) /.exec(outcome.output ?? '')?.[1])
  const attributes = {
    'chronos.state': outcome.state,
    ...(code !== undefined && { 'error.type': code }),
    ...(job.action.type === 'http' && status > 0 && { 'http.response.status_code': status }),
    ...usageOf(outcome.usage),
  }
  return [attributes, outcome.state === 'succeeded' || outcome.state === 'waiting' ? undefined : code]
}

/** A URL with a template in it may be a secret, in its host too. */
function httpOf({ action }: ActionJob): SpanWish['attributes'] {
  const { url, method = 'POST' } = action
  const parsed = typeof url === 'string' && !url.includes('{{') ? URL.parse(url) : null
  return {
    'http.request.method': typeof method === 'string' ? method.toUpperCase() : 'POST',
    ...(parsed && { 'server.address': parsed.hostname, 'url.scheme': parsed.protocol.slice(0, -1) }),
    ...(parsed?.port && { 'server.port': Number(parsed.port) }),
  }
}

function modelOf({ action: { model } }: ActionJob): SpanWish['attributes'] {
  return typeof model === 'string' ? { 'gen_ai.request.model': model } : {}
}

/** As `usageBody` of src/actions/prompt/usage.ts writes it; a handler may have written anything. */
function usageOf(usage: unknown): SpanWish['attributes'] {
  const used = (usage ?? {}) as Record<string, unknown>
  const { model, prompt_tokens: input, completion_tokens: output, finish_reason: reason } = used
  return {
    ...(typeof model === 'string' && { 'gen_ai.response.model': model }),
    ...(typeof input === 'number' && { 'gen_ai.usage.input_tokens': input }),
    ...(typeof output === 'number' && { 'gen_ai.usage.output_tokens': output }),
    ...(typeof reason === 'string' && { 'chronos.finish_reason': reason }),
  }
}
