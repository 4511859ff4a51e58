import type { TProperties, TSchema } from 'typebox'
import type { Scope } from '../../src/access/keys/index.ts'
import type { ErrorCode } from '../../src/ground/errors.ts'
import type { ResponseHeader } from './response-headers.ts'

/** What a route takes and answers. */
export type Operation = {
  id: string
  /** The scope that a key needs; only for routes of the API. Enforced from here (routes/access.ts). */
  scope?: Scope
  /** A caller without a key is answered as well, in the same shape (routes/open.ts). */
  isOpen?: true
  /** Its answer may be megabytes: calls of it take turns (routes/turns.ts). */
  isLarge?: boolean
  /** It reads or writes a whole file of jobs, and takes turns with the like. */
  isFile?: boolean
  summary: string
  /** More than the summary says, if there is more. */
  description?: string
  params?: TSchema
  query?: TSchema
  headers?: TProperties
  body?: TSchema
  /** Success: its status, and the body's schema (or the media type of a text). */
  status: number
  /** The status instead of `status`, with the same body, if a PUT has created the object. */
  madeStatus?: 201
  answer: TSchema | string
  /** Further media types of an answer that is a text. */
  otherMedia?: string[]
  /** Headers of a success besides those of every answer. */
  answerHeaders?: ResponseHeader[]
  /** Successes with another status and another body. */
  otherAnswers?: { [status: number]: TSchema }
  errors: ErrorCode[]
}
