import type { SchemaKit } from '../../ground/schema.ts'

/** Fields of whatever is called over HTTP. Templates in them are looked at by `checkAction`. */
export function callFields({ Type, expecting }: SchemaKit) {
  return {
    url: Type.Refine(
      Type.String({
        maxLength: 2048,
        description: 'Templates may stand from the path on, or `{{secrets.NAME}}` as the whole.',
        ...expecting('an http or https URL of at most 2048 characters, without a user or password in it'),
      }),
      (text) => wholeSecret.test(text) || isPlainHttpUrl(text),
    ),
    headers: Type.Refine(
      Type.Record(Type.String(), Type.String({ maxLength: 8192 }), {
        maxProperties: 64,
        ...expecting(
          'at most 64 headers: names of at most 200 characters as in RFC 9110, values without line breaks',
        ),
      }),
      (given) => Object.entries(given).every(isHeader),
    ),
    /** Milliseconds that a call may take, its answer included. */
    timeoutMs: Type.Integer({ minimum: 1, maximum: 3_600_000 }),
    maxRedirects: Type.Integer({
      minimum: 0,
      maximum: 20,
      default: 5,
      description: '0: a redirect is an answer',
    }),
  }
}

/** A URL that is a secret of its own, such as a webhook's. */
const wholeSecret = /^\{\{\s*secrets\.[A-Z][A-Z0-9_]{0,63}\s*\}\}$/

function isPlainHttpUrl(text: string): boolean {
  const given = URL.canParse(text) ? new URL(text) : null
  if (given?.protocol !== 'http:' && given?.protocol !== 'https:') return false
  return given.username === '' && given.password === ''
}

const mostNameLength = 200

/** The words of Node's own check: every value that passes can be sent. */
function isHeader([name, value]: [string, unknown]): boolean {
  if (name.length > mostNameLength) return false
  // not imported: that would load all of fetch with the first action
  const { validateHeaderName, validateHeaderValue } = process.getBuiltinModule('node:http')
  try {
    validateHeaderName(name)
    validateHeaderValue(name, String(value))
    return true
  } catch {
    return false
  }
}
