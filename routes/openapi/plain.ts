export type Json = { [member: string]: unknown }

/** Schemas with a title, by it. */
export type Components = Map<string, unknown>

type Manner = {
  components: Components
  /** The schema itself is wanted, and no reference to it. */
  isRoot?: boolean
  /**
   * Only of parameters and in the file for editors. In bodies a default is said in the description instead: generators
   * take a field with one for a field that is always there, so that requests without it would not compile.
   */
  keepsDefaults?: boolean
}

/** A schema as the document has it. One with a title stands once, under that name; elsewhere it is referred to. */
export function plain(value: unknown, manner: Manner): unknown {
  if (typeof value !== 'object' || value === null) return value
  const { components, isRoot = false, keepsDefaults = false } = manner
  const inner = { components, keepsDefaults }
  if (Array.isArray(value)) return value.map((item) => plain(item, inner))
  const schema = value as Json
  const title = isRoot ? undefined : schema['title']
  if (typeof title === 'string' && ('type' in schema || 'anyOf' in schema)) {
    if (!components.has(title)) {
      components.set(title, null)
      components.set(title, plain(schema, { ...inner, isRoot: true }))
    }
    return { $ref: `#/components/schemas/${title}` }
  }
  const shown = keepsDefaults ? schema : withoutDefault(schema)
  // TypeBox keeps checks that are code under names that begin with ~
  const members = Object.entries(shown).filter(([keyword]) => !keyword.startsWith('~'))
  return Object.fromEntries(members.map(([keyword, item]) => member(keyword, item, inner)))
}

function member(keyword: string, item: unknown, manner: Manner): [string, unknown] {
  if (keyword === 'x-distinct') return ['uniqueItems', item]
  if (isOfValues.has(keyword)) return [keyword, item]
  if (!isOfNames.has(keyword)) return [keyword, plain(item, manner)]
  const schemas = Object.entries(item as Json).map(([name, schema]) => [name, plain(schema, manner)])
  return [keyword, Object.fromEntries(schemas)]
}

/** Under these stand values, and schemas by names that anyone may choose. */
const isOfValues = new Set(['default', 'enum', 'const', 'examples', 'required'])
const isOfNames = new Set(['properties', 'patternProperties'])

function withoutDefault(schema: Json): Json {
  if (!('default' in schema)) return schema
  const { default: usual, description, ...rest } = schema
  const words = `default: ${JSON.stringify(usual)}`
  return { ...rest, description: typeof description === 'string' ? `${description}; ${words}` : words }
}
