import Type from 'typebox'
import { isOneVisibleLine } from '../../src/ground/text.ts'
import { instantOf } from '../instant.ts'

/**
 * A schema with the words for "expected …" in messages, for what its keywords do not tell by themselves.
 * OpenAPI lets extensions that begin with `x-` stand in a schema.
 */
export const expecting = (words: string) => ({ 'x-expected': words })

export const orNull = <T>(type: 'string' | 'integer', options: object) =>
  Type.Unsafe<T | null>({ type: [type, 'null'], ...options })

export const object = <T extends Type.TProperties>(properties: T, options: Type.TObjectOptions = {}) =>
  Type.Object(properties, { additionalProperties: false, ...options })

type ListOptions = Type.TArrayOptions & { maxItems: number }

/**
 * A list whose items all differ. Not `uniqueItems`: TypeBox explains that keyword in time that grows with the square of
 * the list. The OpenAPI document has it all the same.
 */
export const distinct = <T extends Type.TSchema>(items: T, options: ListOptions) =>
  Type.Refine(
    Type.Array(items, { ...options, 'x-distinct': true }),
    (given) => new Set<unknown>(given).size === given.length,
  )

/** A text of one line for people, which is also shown in terminals, logs and the subjects of mails. */
export const line = (maxLength: number) =>
  Type.Refine(
    Type.String({
      minLength: 1,
      maxLength,
      ...expecting(`a text of 1 to ${maxLength} characters without control characters`),
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
export const cursor = Type.String({ maxLength: 64, description: '`next_cursor` of the page before' })

// In answers
export const instantOut = Type.String({ format: 'date-time' })
export const instantOutOrNull = orNull<string>('string', { format: 'date-time' })
export const textOrNull = orNull<string>('string', {})
