import { branchMeant, type FieldProblem, misfit } from './explain.ts'

type Node = { [keyword: string]: unknown }

/** Names of one object that a closed schema does not know, at most. */
const mostUnknown = 50
/** Problems of size that are worth looking for. */
const mostProblems = 10

/**
 * What of `value` is larger than `schema` lets it be: lists, texts, and objects by the number of their names. To be asked
 * before the validator, which goes through all the items of a list that is too long, and explains each.
 */
export function tooLarge(schema: Node, value: unknown): FieldProblem[] {
  const problems: FieldProblem[] = []
  look(schema, value, [], problems)
  return problems
}

function look(schema: Node, value: unknown, steps: string[], problems: FieldProblem[]): void {
  if (problems.length >= mostProblems) return
  const branches = schema['anyOf'] as Node[] | undefined
  if (branches) return lookInto(schema, branches, value, steps, problems)
  if (isTooLarge(schema, value)) {
    problems.push(misfit(schema, value, steps))
    return
  }
  if (Array.isArray(value)) {
    const items = schema['items'] as Node | undefined
    if (items)
      for (const [index, item] of value.entries()) look(items, item, [...steps, String(index)], problems)
  } else if (typeof value === 'object' && value !== null) {
    const properties = (schema['properties'] ?? {}) as Record<string, Node>
    const others = Object.values((schema['patternProperties'] ?? {}) as Record<string, Node>)[0]
    for (const [name, item] of Object.entries(value)) {
      const inner = Object.hasOwn(properties, name) ? properties[name] : others
      if (inner) look(inner, item, [...steps, name], problems)
    }
  }
}

/** A value that fits into no branch by its form is refused for that, in one sentence; no branch may be walked for it. */
function lookInto(
  union: Node,
  branches: Node[],
  value: unknown,
  steps: string[],
  problems: FieldProblem[],
): void {
  const meant = branchMeant(branches, value)
  if (meant) return look(meant, value, steps, problems)
  const isSizeless = typeof value !== 'string' && (typeof value !== 'object' || value === null)
  if (isSizeless) return
  const kinds = flat(branches)
  const verdicts = kinds.map((branch) => isTooLarge(branch, value))
  const isOver = verdicts.includes(true) && !verdicts.includes(false)
  if (isOver || (typeof value === 'object' && kinds.some((branch) => tooLarge(branch, value).length > 0)))
    problems.push(misfit(union, value, steps))
}

function flat(branches: Node[]): Node[] {
  return branches.flatMap((branch) => (branch['anyOf'] ? flat(branch['anyOf'] as Node[]) : [branch]))
}

/** Null: the schema is for values of another kind. */
function isTooLarge(schema: Node, value: unknown): boolean | null {
  if (typeof value === 'string')
    // characters outside of the basic plane are two units each
    return takes(schema, 'string') ? value.length > 2 * limit(schema, 'maxLength') : null
  if (Array.isArray(value)) return takes(schema, 'array') ? value.length > limit(schema, 'maxItems') : null
  if (typeof value !== 'object' || value === null) return null
  if (!takes(schema, 'object')) return null
  const names = Object.keys(value)
  const isClosed = schema['additionalProperties'] === false && schema['patternProperties'] === undefined
  const known = isClosed ? Object.keys(schema['properties'] ?? {}).length : Infinity
  return names.length > Math.min(limit(schema, 'maxProperties'), known + mostUnknown)
}

/** A schema without a type takes everything. */
function takes(schema: Node, type: string): boolean {
  const types = schema['type']
  if (types === undefined) return schema['enum'] === undefined && schema['const'] === undefined
  return Array.isArray(types) ? types.includes(type) : types === type
}

function limit(schema: Node, keyword: string): number {
  const value = schema[keyword]
  return typeof value === 'number' ? value : Infinity
}
