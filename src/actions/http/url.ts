import { AppError } from '../../ground/errors.ts'
import { parseTemplate, render, type Values, wholeName } from '../../template/index.ts'
import { isSecret } from '../shared/values.ts'

/** A URL that is called. `shownAs` names its target in messages: paths and queries carry tokens, and never stand there. */
export type TargetUrl = { url: URL; shownAs: string }

/** The text allowed before the first template: scheme, host and port, and the character that ends them. */
const literalOrigin = /^https?:\/\/[^/?#\\\s]+[/?#\\]/i

/** Why the templates of a URL are misplaced, as a sentence without a path; null: they do not. */
export function misplacedIn(text: string): string | null {
  const first = parseTemplate(text).findIndex((piece) => 'name' in piece)
  const whole = wholeName(text)
  if (first < 0 || (whole !== null && isSecret(whole)) || literalOrigin.test(textBefore(text))) return null
  return 'templates may only follow the scheme, host and port. To keep those secret too, use "{{secrets.NAME}}" as the whole URL'
}

/**
 * The URL with its values in their places, percent-encoded. A value changes neither host nor port, and neither adds
 * nor removes a step of the path. A URL that is a secret as a whole is taken as the secret has it.
 *
 * @throws AppError FIELD_INVALID: what results cannot be called
 */
export function renderUrl(text: unknown, values: Values): TargetUrl {
  if (typeof text !== 'string') throw uncallable()
  const whole = wholeName(text)
  if (whole !== null && isSecret(whole)) return { url: read(render(text, values)), shownAs: `{{${whole}}}` }
  const misplaced = misplacedIn(text)
  if (misplaced) throw new AppError('FIELD_INVALID', `action.url: ${misplaced}`)
  const made = render(text, values, { encode })
  if (dotsIn(made) === dotsIn(render(text, values, { encode: () => 'x' }))) {
    const url = read(made)
    return { url, shownAs: url.origin }
  }
  const message = 'action.url: a template value must not turn a path segment into "." or ".."'
  throw new AppError('FIELD_INVALID', message)
}

function textBefore(text: string): string {
  return text.slice(0, text.indexOf('{{'))
}

function read(text: string): URL {
  const url = URL.parse(text)
  if (url?.protocol === 'https:' || url?.protocol === 'http:') return url
  throw uncallable()
}

function uncallable(): AppError {
  // Not quoted: what cannot be read as a URL may hold a password all the same.
  const message = 'action.url: must be an http or https URL'
  return new AppError('FIELD_INVALID', message)
}

/** Half a surrogate pair cannot be encoded. */
function encode(value: string): string {
  return encodeURIComponent(value.toWellFormed())
}

/** How many steps of the path go nowhere or up, as URLs are read: tabs and line breaks do not count, %2e is a dot. */
function dotsIn(text: string): number {
  const [path = ''] = text.replaceAll(/[\t\r\n]/g, '').split(/[?#]/)
  return path.split(/[/\\]/).filter((step) => /^(\.|%2e){1,2}$/i.test(step)).length
}
