/** A shorter piece of a secret is as likely an ordinary word. */
const leastPiece = 8
const leastWithoutDigits = 16

/**
 * The parts of a secret that are secret on their own, so that an echo of only this part is found too: the path, the query and
 * the password of a URL and their longer pieces, the token behind `Bearer` or behind a bot's number, user and password
 * of `Basic`. Nothing for a value of another form.
 */
export function piecesOf(value: string): string[] {
  const text = value.trim()
  const url = /^https?:\/\//i.test(text) ? URL.parse(text) : null
  if (url) return piecesOfUrl(url)
  const [, scheme = '', token = ''] = /^([A-Za-z][\w-]{2,15}) +(\S{8,})$/.exec(text) ?? []
  if (scheme.toLowerCase() === 'basic') return [token, ...piecesOfBasic(token)]
  if (token) return [token]
  const [, bot = ''] = /^\d{5,}:(\S{16,})$/.exec(text) ?? []
  return bot ? [bot] : []
}

function piecesOfUrl({ pathname, search, searchParams, password }: URL): string[] {
  const whole = pathname + search
  const texts = [...pathname.split('/'), ...searchParams.values()]
  const pieces = texts.flatMap((text) => [text, ...text.split(/[.:;,=~]/)]).filter(isTelling)
  return [
    ...(whole.length >= leastPiece ? [whole] : []),
    ...(pathname.length >= leastPiece ? [pathname] : []),
    ...pieces,
    ...pieces.map(decoded),
    ...(password ? [password, decoded(password)] : []),
  ]
}

/** Not `services`, `webhooks` or `api`. */
function isTelling(piece: string): boolean {
  return piece.length >= (/\d/.test(piece) ? leastPiece : leastWithoutDigits)
}

function piecesOfBasic(token: string): string[] {
  const pair = Buffer.from(token, 'base64').toString()
  const colon = pair.indexOf(':')
  return colon < 0 ? [] : [pair, pair.slice(colon + 1)]
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
