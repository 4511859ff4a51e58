import type { TSchema } from 'typebox'
import { Check, Errors } from 'typebox/schema'
import { withEllipsis } from '../../ground/text.ts'

/**
 * The action's input with that of the run over it: field by field if both are objects, otherwise the run's if there
 * is one. An empty object where neither gives any.
 */
export function overlaid(ofAction: unknown, ofRun: unknown): unknown {
  const under = ofAction ?? {}
  if (ofRun === null || ofRun === undefined) return under
  return isFields(under) && isFields(ofRun) ? { ...under, ...ofRun } : ofRun
}

/** The problems of an input, one sentence for each field, its path first; empty if there are none. */
export function inputProblems(schema: TSchema, input: unknown): string[] {
  if (Check(schema, input)) return []
  const errors = Errors(schema, input)[1]
  const unions = errors.filter(({ keyword }) => keyword === 'anyOf').map(({ schemaPath }) => schemaPath)
  // each branch of a union complains as well, and each unknown field comes with all of their names too
  const relevant = errors.filter(
    ({ keyword, schemaPath }) =>
      keyword !== 'boolean' && !unions.some((path) => schemaPath.startsWith(`${path}/anyOf/`)),
  )
  const problems = relevant.flatMap((error) => {
    const path = written(error.instancePath)
    if (error.keyword === 'required')
      return error.params.requiredProperties.map((name) => `${path}.${name}: required`)
    if (error.keyword === 'additionalProperties')
      return error.params.additionalProperties.map((name) => `unknown field \`${path}.${name}\``)
    return [`${path}: ${shown(input, error.instancePath)} ${error.message}`]
  })
  return problems.length > 0 ? [...new Set(problems)] : ['input: does not match the schema of the handler']
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A JSON pointer as a person writes it: `input.items[2].name`. */
function written(pointer: string): string {
  const steps = stepsOf(pointer).map((step) => (/^\d+$/.test(step) ? `[${step}]` : `.${step}`))
  return `input${steps.join('')}`
}

function shown(input: unknown, pointer: string): string {
  const at = stepsOf(pointer).reduce<unknown>((value, step) => Reflect.get(Object(value), step), input)
  return withEllipsis(JSON.stringify(at) ?? 'nothing', 60)
}

function stepsOf(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
}
