import type { TValidationError } from 'typebox/error'
import { actionTypes } from '../../src/actions/index.ts'
import { receivers } from '../../src/delivery/senders/index.ts'
import { visible } from '../../src/ground/text.ts'
import { writtenPath } from '../path.ts'
import { nearest } from './nearest.ts'

/** One thing that is wrong with an input. `path` as a person writes it (`action.headers`, `tags[2]`); '' is the whole. */
export type FieldProblem = { path: string; message: string; isUnknownField: boolean }

type Node = { [keyword: string]: unknown }

/** The problems of `value`, one sentence each: the rule, then the value that breaks it. */
export function explainErrors(schema: Node, value: unknown, errors: TValidationError[]): FieldProblem[] {
  const relevant = withoutOtherBranches(schema, value, errors)
  const problems = relevant.flatMap((error) => explainError(schema, value, error))
  // several keywords of one field say the same sentence
  const seen = new Set<string>()
  const different = problems.filter(({ message }) => !seen.has(message) && seen.add(message))
  return different.slice(0, mostProblems)
}

/** Enough for one answer. */
const mostProblems = 50

function explainError(schema: Node, value: unknown, error: TValidationError): FieldProblem[] {
  const steps = stepsOf(error.instancePath)
  const at = nodeAt(schema, stepsOf(error.schemaPath))
  // the same error comes again as additionalProperties, with all the names
  if (error.keyword === 'boolean') return []
  if (error.keyword === 'additionalProperties')
    return error.params.additionalProperties.map((name) => unknownField([...steps, name], at))
  if (error.keyword === 'required')
    return error.params.requiredProperties.map((name) => {
      const path = writtenPath([...steps, name])
      return problem(path, `required (${expected(propertyOf(at, name))})`)
    })
  return [misfit(at, valueAt(value, steps), steps)]
}

/** `value`, which stands at `steps`, is not what `schema` says. */
export function misfit(schema: Node, value: unknown, steps: string[]): FieldProblem {
  const given = shown(value, steps, schema['writeOnly'] === true)
  const words = expected(schema)
  const hint = words.includes('http or https URL') ? schemeHint(value) : ''
  return problem(writtenPath(steps), `must be ${words}, not ${given}${hint}`)
}

/** The path may be a secret. */
function schemeHint(value: unknown): string {
  if (typeof value !== 'string') return ''
  const [, place = '', rest = ''] =
    /^((?:[\w-]+\.)+[a-z]{2,}(?::\d{1,5})?)([/?#].*)?$/i.exec(value.trim()) ?? []
  const [, near = '', more = ''] =
    /^((?:localhost|[\d.]{7,15})(?::\d{1,5})?)([/?#].*)?$/i.exec(value.trim()) ?? []
  if (place) return `; did you mean https://${place}${rest.length > 1 ? '/…' : ''}?`
  return near ? `; did you mean http://${near}${more.length > 1 ? '/…' : ''}?` : ''
}

function problem(path: string, sentence: string): FieldProblem {
  return { path, message: path ? `${path}: ${sentence}` : `The input ${sentence}`, isUnknownField: false }
}

function unknownField(steps: string[], at: Node): FieldProblem {
  const path = writtenPath(steps)
  const close = nearest(steps.at(-1) ?? '', Object.keys(at['properties'] ?? {}))
  const hint = close ? `; did you mean \`${writtenPath([...steps.slice(0, -1), close])}\`?` : ''
  return { path, message: `unknown field \`${path}\`${hint}`, isUnknownField: true }
}

/**
 * Each branch of a union reports errors. If the shape of the value identifies its branch, only that one counts; otherwise one sentence
 * for the whole union says it.
 */
function withoutOtherBranches(schema: Node, value: unknown, errors: TValidationError[]): TValidationError[] {
  const unions = errors.filter(({ keyword }) => keyword === 'anyOf')
  return errors.filter((error) => {
    const inside = unions.filter(({ schemaPath }) => error.schemaPath.startsWith(`${schemaPath}/anyOf/`))
    const isNamed = inside.every((union) => {
      const named = namedBranch(schema, value, union)
      return named !== null && `${error.schemaPath}/`.startsWith(`${union.schemaPath}/anyOf/${named}/`)
    })
    if (error.keyword === 'anyOf') return isNamed && namedBranch(schema, value, error) === null
    return isNamed
  })
}

function namedBranch(schema: Node, value: unknown, union: TValidationError): number | null {
  const given = valueAt(value, stepsOf(union.instancePath))
  const branches = nodeAt(schema, stepsOf(union.schemaPath))['anyOf'] as Node[]
  const meant = branchMeant(branches, given)
  return meant && branches.indexOf(meant)
}

/** The branch of a union that a list or an object means by its form; null: by that it is none, or may be several. */
export function branchMeant(branches: Node[], given: unknown): Node | null {
  if (typeof given !== 'object' || given === null) return null
  const named = branches.filter(fitting(given))
  return named.length === 1 ? (named[0] ?? null) : null
}

/** By its `type`; without one, by the fields that a branch cannot do without. For a list, the branch that takes lists. */
function fitting(given: object): (branch: Node) => boolean {
  if (Array.isArray(given)) return (branch) => branch['type'] === 'array'
  if ('type' in given) return (branch) => propertyOf(branch, 'type')['const'] === given.type
  return (branch) => {
    const required = (branch['required'] ?? []) as string[]
    return branch['type'] === 'object' && required.length > 0 && required.every((name) => name in given)
  }
}

function expected(schema: Node): string {
  const words = schema['x-expected']
  if (typeof words === 'string') return words
  const allowed = schema['enum'] ?? (schema['const'] === undefined ? undefined : [schema['const']])
  if (Array.isArray(allowed)) return allowed.map((one) => JSON.stringify(one)).join(' or ')
  const type = schema['type']
  const types = Array.isArray(type) ? (type as string[]) : [String(type)]
  return types.map((one) => typeInWords(one, schema)).join(', or ')
}

function typeInWords(type: string, schema: Node): string {
  if (type === 'string') return `a string${lengths(schema, 'minLength', 'maxLength', 'characters')}`
  if (type === 'integer') return `a whole number${range(schema)}`
  if (type === 'array') {
    const different = schema['x-distinct'] ? ', all different' : ''
    return `a list${lengths(schema, 'minItems', 'maxItems', 'items')}${different}`
  }
  if (type === 'object') return 'an object'
  if (type === 'boolean') return 'true or false'
  return type
}

function range(schema: Node): string {
  const [from, to] = [numberOf(schema, 'minimum'), numberOf(schema, 'maximum')]
  if (from === undefined) return to === undefined ? '' : ` up to ${to}`
  return to === undefined ? ` from ${from} on` : ` from ${from} to ${to}`
}

function lengths(schema: Node, low: string, high: string, unit: string): string {
  const [from, to] = [numberOf(schema, low), numberOf(schema, high)]
  if (from === undefined && to === undefined) return ''
  if (to === undefined) return ` of at least ${from} ${unit}`
  return from === undefined ? ` of at most ${to} ${unit}` : ` of ${from} to ${to} ${unit}`
}

function numberOf(schema: Node, keyword: string): number | undefined {
  const value = schema[keyword]
  return typeof value === 'number' ? value : undefined
}

/** Whatever an action or a receiver says may be secret, wherever a field of that name stands. */
const privateFields: ReadonlySet<string> = new Set(
  [...actionTypes, ...receivers].flatMap(({ secretsOf }): readonly string[] => secretsOf),
)

/** A value in a message: short, and never one that may be a secret (headers, bodies, write-only fields). */
function shown(value: unknown, steps: string[], isWriteOnly: boolean): string {
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value === 'object' && value !== null) return `an object${sizeWorthTelling(value)}`
  const isPrivate = isWriteOnly || steps.length === 0 || steps.some((step) => privateFields.has(step))
  if (typeof value === 'string' && (isPrivate || value.length > 60))
    return `a string of ${value.length} characters`
  return visible(JSON.stringify(value))
}

/** No person writes so many fields by hand: their number is the problem. */
function sizeWorthTelling(value: object): string {
  const names = Object.keys(value).length
  return names > 50 ? ` of ${names} fields` : ''
}

function stepsOf(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function nodeAt(schema: Node, steps: string[]): Node {
  return steps.reduce((at, step) => (at[step] ?? {}) as Node, schema)
}

function valueAt(value: unknown, steps: string[]): unknown {
  return steps.reduce((at, step) => (at as Node | undefined)?.[step], value)
}

function propertyOf(schema: Node, name: string): Node {
  return ((schema['properties'] as Node | undefined)?.[name] ?? {}) as Node
}
