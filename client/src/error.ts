import type { components } from './document.ts'

type Problem = components['schemas']['Problem']

/** The service refused a call. `code` never changes once released; docs/errors.md has all of them. */
export class ChronosError extends Error {
  override readonly name = 'ChronosError'
  readonly status: number
  /** Of the answer; null: something else answered, such as a proxy. */
  readonly code: Problem['code'] | null
  /** One entry for each field that is wrong. */
  readonly errors: { path: string; message: string }[]
  /** The whole answer: some codes add members. */
  readonly problem: Record<string, unknown>
  readonly requestId: string | null

  constructor(response: Response, body: unknown) {
    const problem: Partial<Problem> = typeof body === 'object' && body !== null ? body : {}
    super(problem.detail ?? `${response.url || 'The service'} answered ${response.status}`)
    this.status = response.status
    this.code = problem.code ?? null
    this.errors = problem.errors ?? []
    this.problem = problem
    this.requestId = response.headers.get('x-request-id')
  }
}
