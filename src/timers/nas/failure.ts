import { failure, failureOf as failureOfAny, type Reply } from '../index.ts'
import type { NasFailure } from './answer.ts'

/** The meaning of an answer of NAS, or of its login, other than 2xx. */
export function failureOf(reply: Reply): NasFailure {
  const meaning = failureOfAny('NAS', reply)
  const isRefused = reply.status === 403 && reply.body?.['error'] === 'invalid_client'
  return isRefused ? { ...meaning, ...failure('refused', 'NAS_INVALID_CLIENT', meaning.message) } : meaning
}
