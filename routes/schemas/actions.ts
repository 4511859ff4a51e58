import { validateHeaderName, validateHeaderValue } from 'node:http'
import Type from 'typebox'
import { expecting, object } from './fields.ts'

const longestTimeoutMs = 3_600_000

const url = Type.Refine(
  Type.String({
    maxLength: 2048,
    ...expecting('an http or https URL of at most 2048 characters, without a user or password in it'),
  }),
  isPlainHttpUrl,
)
const headers = Type.Refine(
  Type.Record(Type.String({ maxLength: 200 }), Type.String({ maxLength: 8192 }), {
    maxProperties: 64,
    ...expecting('at most 64 headers: names as in RFC 9110, values without line breaks'),
  }),
  (given) => Object.entries(given).every(isHeader),
)
const status = Type.Refine(
  Type.String({
    pattern: '^([1-5]xx|[1-5][0-9]{2}(-[1-5][0-9]{2})?)$',
    ...expecting('statuses such as "2xx", "204" or "200-299"'),
  }),
  isAscending,
)

const httpAction = object(
  {
    type: Type.Literal('http'),
    url,
    method: Type.Optional(Type.Enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'], { default: 'POST' })),
    headers: Type.Optional(headers),
    body: Type.Optional(Type.Unknown({ description: 'text is sent as it is, everything else as JSON' })),
    timeout_ms: Type.Optional(Type.Integer({ minimum: 1, maximum: longestTimeoutMs })),
    success: Type.Optional(Type.Array(status, { minItems: 1, maxItems: 20, default: ['2xx'] })),
  },
  { title: 'HttpAction', description: 'One HTTP call.' },
)
const promptAction = object(
  { type: Type.Literal('prompt') },
  { title: 'PromptAction', description: "The job's `prompt`, put to a model." },
)
export const action = Type.Union([httpAction, promptAction], {
  ...expecting('an object with a "type" of "http" or "prompt"'),
})

function isPlainHttpUrl(text: string): boolean {
  const given = URL.canParse(text) ? new URL(text) : null
  if (given?.protocol !== 'http:' && given?.protocol !== 'https:') return false
  return given.username === '' && given.password === ''
}

/** The words of Node's own check: what it lets through can be sent. */
function isHeader([name, value]: [string, unknown]): boolean {
  try {
    validateHeaderName(name)
    validateHeaderValue(name, String(value))
    return true
  } catch {
    return false
  }
}

function isAscending(text: string): boolean {
  const [first = '', last = first] = text.split('-')
  return first <= last
}
