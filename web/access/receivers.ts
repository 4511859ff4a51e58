import { call } from '../api.ts'

/** A field of a receiver, as the form of a channel shows it: what `kind` is says how its text is sent. */
export type ReceiverField = {
  name: string
  label: string
  hint: string | null
  kind: 'text' | 'long' | 'number' | 'list' | 'json' | 'check' | 'choice'
  /** It is sealed, and never shown again. */
  isSecret: boolean
  isRequired: boolean
  /** Of a choice. */
  options: readonly string[]
}

/** Each type of receiver with its fields. */
export type Receivers = ReadonlyMap<string, readonly ReceiverField[]>

/** As much of a schema of the API as a field is made from. */
type Schema = {
  $ref?: string
  type?: string
  const?: string
  enum?: readonly string[]
  anyOf?: readonly Schema[]
  items?: Schema
  properties?: Record<string, Schema>
  patternProperties?: Record<string, Schema>
  required?: readonly string[]
  maxLength?: number
  writeOnly?: boolean
  description?: string
  'x-expected'?: string
}
type Document = { components: { schemas: Record<string, Schema> } }

/** As the service describes them itself, so that a type or a field that it has is here too. @throws ApiError */
export async function readReceivers(): Promise<Receivers> {
  const { schemas } = (await call<Document>('GET', '/openapi.json')).components
  const whole = (schema: Schema): Schema => schemas[schema.$ref?.split('/').at(-1) ?? ''] ?? schema
  const types = (schemas['ChannelInput']?.anyOf ?? []).map(whole)
  return new Map(
    types.map(({ properties = {}, required = [] }) => [
      properties['type']?.const ?? '',
      Object.entries(properties)
        .filter(([name]) => name !== 'type' && name !== 'default_on')
        .map(([name, schema]) => fieldOf(name, whole(schema), required.includes(name))),
    ]),
  )
}

/** A text longer than this is written in several lines. */
const longFrom = 5_000

function fieldOf(name: string, schema: Schema, isRequired: boolean): ReceiverField {
  const inside = [schema.items, ...Object.values(schema.patternProperties ?? {})]
  return {
    ...{ name, label: labelOf(name), kind: kindOf(schema), isRequired },
    hint: hintOf(schema),
    isSecret: [schema, ...inside].some((one) => one?.writeOnly),
    options: schema.enum ?? [],
  }
}

/** `bot_token`: Bot token. */
function labelOf(name: string): string {
  const words = name.replaceAll('_', ' ').replaceAll(/\burl\b/g, 'URL')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

function kindOf({ type, enum: words, anyOf, maxLength = 0 }: Schema): ReceiverField['kind'] {
  if (words) return 'choice'
  if (type === 'boolean') return 'check'
  if (type === 'integer' || type === 'number') return 'number'
  if (type === 'array') return 'list'
  if (type === 'string') return maxLength > longFrom ? 'long' : 'text'
  return anyOf?.some((one) => one.type === 'string') ? 'text' : 'json'
}

function hintOf(schema: Schema): string | null {
  const { description, items, type } = schema
  const said = [schema['x-expected'] ?? items?.['x-expected'], description].filter(Boolean).join('; ')
  if (type === 'array') return `separated by commas${said && `: ${said}`}`
  return (type === 'object' ? `as JSON: ${said}` : said) || null
}

/** Which outcomes a channel is told of by jobs that say nothing of deliveries. */
export const defaults: readonly { value: string; label: string }[] = [
  { value: '', label: 'nothing' },
  { value: 'failure', label: 'failures' },
  { value: 'failure,recovery', label: 'failures and recoveries' },
  { value: 'success', label: 'successes' },
  { value: 'changed', label: 'successes with another output than before' },
  { value: 'always', label: 'everything' },
]

type Written = { type: string; fields: readonly ReceiverField[]; values: Readonly<Record<string, string>> }

/** The body of `PUT /api/channels/{name}`. @throws SyntaxError: a field that is JSON is none; its `cause` is the name of it */
export function channelBody({ type, fields, values }: Written, defaultOn: string) {
  const given = fields.flatMap((field) => {
    const text = (values[field.name] ?? '').trim()
    return text === '' ? [] : [[field.name, valueOf(text, field)] as const]
  })
  return { type, ...Object.fromEntries(given), default_on: defaultOn === '' ? null : defaultOn.split(',') }
}

function valueOf(text: string, { kind, name }: ReceiverField): unknown {
  if (kind === 'number') return Number(text)
  if (kind === 'check') return text === 'true'
  if (kind === 'list') return text.split(/\s*,\s*/)
  if (kind !== 'json') return text
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new SyntaxError((error as Error).message, { cause: name })
  }
}
