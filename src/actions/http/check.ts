import { AppError } from '../../ground/errors.ts'
import { type Problem, problemAt } from '../../ground/problem.ts'
import type { ActionFields } from '../type.ts'
import { isReservedHeader } from '../../outbound/index.ts'
import { misplacedIn } from './url.ts'

/** The problems of the address and the headers of an HTTP call. */
export function checkCall({ url, headers }: ActionFields, path: string): Problem[] {
  const problems: Problem[] = []
  const misplaced = typeof url === 'string' ? misplacedIfReadable(url) : null
  if (misplaced) problems.push(problemAt(path, 'url', misplaced))
  for (const name of Object.keys(headers ?? {})) {
    if (isReservedHeader(name))
      problems.push(problemAt(path, `headers.${name}`, `${reservedSays} ${JSON.stringify(name)}`))
  }
  return problems
}

/** What excludes each other in an http action. */
export function checkHttp(
  { method = 'POST', body = null, form = null }: ActionFields,
  path: string,
): Problem[] {
  const problems: Problem[] = []
  if (body !== null && form !== null)
    problems.push(problemAt(path, 'form', 'use either body or form, not both'))
  if (method !== 'GET' && method !== 'HEAD') return problems
  const sentence = `a ${method} request has no body; remove it or use another method`
  if (body !== null) problems.push(problemAt(path, 'body', sentence))
  if (form !== null) problems.push(problemAt(path, 'form', sentence))
  return problems
}

/** A template that cannot be read is complained of elsewhere. */
function misplacedIfReadable(url: string): string | null {
  try {
    return misplacedIn(url)
  } catch (error) {
    if (error instanceof AppError) return null
    throw error
  }
}

const reservedSays = 'this service or the connection sets this header; remove'
