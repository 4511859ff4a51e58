import Type from 'typebox'
import { isOneVisibleLine } from '../../src/ground/text.ts'
import { distinct, expecting, object } from '../../src/ground/schema.ts'
import { instantOf } from '../instant.ts'

export { distinct, expecting, object }

export const orNull = <T>(type: 'string' | 'integer', options: object) =>
  Type.Unsafe<T | null>({ type: [type, 'null'], ...options })

/** A text of one line for people, which is also shown in terminals, logs and the subjects of mails. */
export const line = (maxLength: number) =>
  Type.Refine(
    Type.String({
      minLength: 1,
      maxLength,
      ...expecting(`a string of 1 to ${maxLength} characters without control characters`),
    }),
    isOneVisibleLine,
  )

export const jobId = Type.String({
  pattern: '^[0-9a-f]{12}$',
  ...expecting('12 lower-case hex digits'),
  examples: ['ab12cd34ef56'],
})
export const runId = Type.String({
  pattern: '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$',
  ...expecting('a UUID'),
})
const instantWords =
  'an ISO 8601 instant with an offset, such as 2030-01-15T14:00:00Z, in the years 1 to 9999'
/** An instant as a client writes it. */
export const instant = Type.Refine(
  Type.String({ ...expecting(instantWords) }),
  (text) => instantOf(text) !== null,
)
export const instantOrNull = Type.Refine(
  orNull<string>('string', expecting(`${instantWords}, or null`)),
  (text) => text === null || instantOf(text) !== null,
)
export const limit = (fallback: number) => Type.Integer({ minimum: 1, maximum: 1000, default: fallback })
export const cursor = Type.String({ maxLength: 128, description: '`next_cursor` of the page before' })

/** The query of a list that is read by pages. */
export const pageQuery = { limit: Type.Optional(limit(1000)), cursor: Type.Optional(cursor) }

// In answers
export const instantOut = Type.String({ format: 'date-time' })
export const instantOutOrNull = orNull<string>('string', { format: 'date-time' })
export const textOrNull = orNull<string>('string', {})

export const noBody = object({})
export const jobParams = object({ id: jobId })

/** Clients of an agent with several profiles name one with every call. */
export const profile = Type.Optional(Type.String({ maxLength: 200, description: 'accepted and ignored' }))
export const clientQuery = object({ profile })
