import type { Reply } from '../../outbound/index.ts'
import { readRetryAfter } from '../../ground/retry-after.ts'
import type { Body } from '../shared/body.ts'
import type { ActionOutcome } from '../shared/outcome.ts'
import { type Hide, saidBy } from './text.ts'

/** The meaning of a status other than 2xx: a retry if the server may succeed later, otherwise final. */
export function refusalOf(origin: string, { status, headers }: Reply, body: Body, hide: Hide): ActionOutcome {
  const isPassing = status >= 500 || [408, 409, 425, 429].includes(status)
  const message = `model server ${origin} answered ${status} with ${reasonIn(body, hide)}`
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
