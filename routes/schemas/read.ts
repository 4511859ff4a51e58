import type { TSchema } from 'typebox'
import { Compile } from 'typebox/schema'
import { Settings } from 'typebox/system'
import { AppError, type ErrorCode } from '../../src/ground/errors.ts'
import { explainErrors, type FieldProblem } from './explain.ts'
import { tooLarge } from './extent.ts'
import type { Operation } from './operation.ts'
import { type Operations, operations } from './operations.ts'
import { unstorable } from './unstorable.ts'

// By default the list of errors ends after eight, and a union alone has more.
Settings.Set({ maxErrors: 1000 })

type Given = { params: unknown; query: unknown; body: unknown }

/**
 * The input of the caller, checked: the path's ids, then the query (texts turned into numbers and booleans where the
 * schema wants them), then the body. A body that is not there counts as an empty object.
 *
 * @throws AppError JOB_ID_INVALID, RUN_ID_INVALID, FIELD_UNKNOWN (where nothing else is wrong), FIELD_INVALID. All
 * problems are in the message and, one by one, in `errors`.
 */
export function readInput(key: keyof Operations, given: Given): Given {
  const operation: Operation = operations[key]
  const { params, query, body } = operation
  if (params) check(params, given.params, idCodes.find(([part]) => key.includes(part))?.[1])
  const asked = query ? coerced(query, given.query as Record<string, unknown>) : given.query
  check(query ?? nothing, asked)
  const sent = given.body === undefined ? {} : given.body
  if (body) check(body, sent)
  return { params: given.params, query: asked, body: sent }
}

/** Of the ids that have a code of their own; any other parameter of a path is a field like one of the body. */
const idCodes: [part: string, ErrorCode][] = [
  ['/runs/{id}', 'RUN_ID_INVALID'],
  ['/jobs/{id}', 'JOB_ID_INVALID'],
]

const nothing = { type: 'object', additionalProperties: false } satisfies TSchema

function check(schema: TSchema, value: unknown, code?: ErrorCode): void {
  const obstacle = unstorable(value)
  if (obstacle) throw refusal([{ ...obstacle, isUnknownField: false }], code)
  const large = tooLarge(schema as Record<string, unknown>, value)
  if (large.length > 0) throw refusal(large, code)
  const validator = validatorOf(schema)
  if (validator.Check(value)) return
  const problems = explainErrors(schema as Record<string, unknown>, value, validator.Errors(value)[1])
  throw refusal(problems, code)
}

function refusal(problems: FieldProblem[], code?: ErrorCode): AppError {
  const isUnknownOnly = problems.length > 0 && problems.every(({ isUnknownField }) => isUnknownField)
  const detail =
    problems.map(({ message }) => message).join('; ') ||
    'The input does not match the schema in /openapi.json'
  const errors = problems.map(({ path, message }) => ({ path, message }))
  return new AppError(code ?? (isUnknownOnly ? 'FIELD_UNKNOWN' : 'FIELD_INVALID'), detail, {
    extra: { errors },
  })
}

// Compiled with the first request that needs it: most processes live for one fire and never see one.
const validators = new WeakMap<TSchema, ReturnType<typeof Compile>>()

function validatorOf(schema: TSchema): ReturnType<typeof Compile> {
  const known = validators.get(schema)
  if (known) return known
  const made = Compile(schema)
  validators.set(schema, made)
  return made
}

function coerced(schema: TSchema, query: Record<string, unknown>): Record<string, unknown> {
  const properties = ('properties' in schema ? schema.properties : {}) as Record<string, { type?: string }>
  return Object.fromEntries(
    Object.entries(query).map(([name, value]) => [name, fromText(value, properties[name]?.type)]),
  )
}

/** Whatever is not written like the type stays a text, and is refused as one. */
function fromText(value: unknown, type: string | undefined): unknown {
  if (typeof value !== 'string') return value
  if (type === 'integer' && /^-?\d{1,15}$/.test(value)) return Number(value)
  if (type === 'boolean' && /^(true|1|yes|on)$/i.test(value)) return true
  if (type === 'boolean' && /^(false|0|no|off)$/i.test(value)) return false
  return value
}
