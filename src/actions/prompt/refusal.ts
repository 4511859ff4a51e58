import type { Reply } from '../../outbound/index.ts'
import { readRetryAfter } from '../../ground/retry-after.ts'
import type { Body } from '../shared/body.ts'
import type { ActionOutcome } from '../shared/outcome.ts'
import { type Hide, saidBy } from './text.ts'

/** What a status other than 2xx means: to be tried again where the server may do better later, else final. */
export function refusalOf(origin: string, { status, headers }: Reply, body: Body, hide: Hide): ActionOutcome {
  const isPassing = status >= 500 || [408, 409, 425, 429].includes(status)
  const message = `model server ${origin} answered ${status} with ${reasonIn(body, hide)}; expected an answer`
  const retryAfterMs = isPassing ? readRetryAfter(headers.get('retry-after')) : null
  return {
    state: 'failed',
    error: { code: 'HTTP_STATUS', message },
    ...(retryAfterMs === null ? {} : { retryAfterMs }),
    ...(isPassing ? {} : { final: true }),
  }
}

function reasonIn({ text }: Body, hide: Hide): string {
  try {
    return saidBy((JSON.parse(text) as { error?: unknown } | null) ?? {}, hide)
  } catch {
    return 'no reason'
  }
}
