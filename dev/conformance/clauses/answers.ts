import type { Answer } from '../kit/http.ts'
import { at } from '../kit/json.ts'
import type { Tries } from '../kit/tries.ts'

export function isStatus(t: Tries, what: string, answer: Answer, status: number, word?: string): void {
  t.equal(`${what}: status`, answer.status, status)
  if (word) t.equal(`${what}: answer`, at(answer.body, 'status'), word)
}

export function isProblem(t: Tries, what: string, answer: Answer): void {
  t.match(`${what}: Content-Type`, answer.headers.get('content-type'), /^application\/problem\+json\b/)
  t.match(`${what}: code`, at(answer.body, 'code'), /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/)
  t.match(`${what}: error`, at(answer.body, 'error'), /./)
}

export function refusedWith(t: Tries, what: string, answer: Answer, status: number): void {
  isStatus(t, what, answer, status)
  isProblem(t, what, answer)
}

/** Not now, but soon: with `Retry-After`, and said as a problem. */
export function isRetryLater(t: Tries, what: string, answer: Answer): void {
  refusedWith(t, what, answer, 503)
  t.match(`${what}: Retry-After`, answer.headers.get('retry-after'), /^\d+$/)
}
