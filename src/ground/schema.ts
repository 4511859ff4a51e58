import Type from 'typebox'

/** The parts of input schemas. Handed to those who write one, so that TypeBox is loaded with the first request of the API. */
export type SchemaKit = typeof import('./schema.ts')

export { Type }

/**
 * A schema with the words for "must be …" in messages, for rules that its keywords do not express.
 * OpenAPI lets extensions that begin with `x-` stand in a schema.
 */
export const expecting = (words: string) => ({ 'x-expected': words })

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
