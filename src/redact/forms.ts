/** Shorter values would be found in ordinary text everywhere; so would shorter encodings, and shorter lines. */
const leastBytes = 4
const leastFormBytes = 6
const leastLineCharacters = 8

/**
 * The bytes to look for so that `value` is found as it is and as others write it: in JSON, in a URL or a form, in
 * HTML, as hex, in base64 at any position in the encoded text (so in `Basic` credentials too), and two of these
 * within each other. Of a value of several lines each line of at least 8 characters counts as well. Nothing for a value
 * of less than 4 bytes.
 */
export function formsOf(value: string): Buffer[] {
  const whole = [value, value.trim()].filter((text) => Buffer.byteLength(text) >= leastBytes)
  const lines = value.split(/\r\n|\r|\n/).map((line) => line.trim())
  const longLines = lines.filter((line) => line !== whole[1] && line.length >= leastLineCharacters)
  const derived = [...escapedForms([...whole, ...longLines]), ...packedForms(whole)]
  const forms = derived.filter((form) => Buffer.byteLength(form) >= leastFormBytes)
  return [...new Set([...whole, ...longLines, ...forms])].map((form) => Buffer.from(form))
}

/** Every way to escape a text leaves these as they are. */
const isPlain = (text: string) => /^[\w.-]+$/.test(text)

/** Written so that text stays text. */
function escapedForms(given: readonly string[]): string[] {
  const texts = given.filter((text) => !isPlain(text))
  const once = texts.flatMap((text) => [...jsonForms(text), ...urlForms(text), ...htmlForms(text)])
  const twice = texts
    .flatMap(usualForms)
    .flatMap((text) => [...jsonForms(text), ...urlForms(text), ...htmlForms(text)])
  return distinct([...once, ...twice, ...texts.flatMap(nestedJson)])
}

function packedForms(texts: readonly string[]): string[] {
  const inner = distinct([...texts, ...texts.filter((text) => !isPlain(text)).flatMap(usualForms)])
  return inner.flatMap((text) => [...hexForms(text), ...base64Forms(text)])
}

/** A longer value is not looked for within two encodings, but for JSON: there would be megabytes to look for. */
const mostNestedLength = 1_024

/** Of all the ways to escape a text those that nearly every program takes: nested encodings are one of these. */
function usualForms(text: string): string[] {
  if (text.length > mostNestedLength) return []
  const forms = [inJson(text), encodeURIComponent(text.toWellFormed()), formValue(text)]
  return distinct(forms).filter((form) => form !== text)
}

function distinct(texts: readonly string[]): string[] {
  return [...new Set(texts)]
}

/** Not every writer escapes the same: PHP does so with slashes, Go with angles, Python with all but ASCII. */
function jsonForms(text: string): string[] {
  const plain = inJson(text)
  const ascii = plain.replaceAll(/[^\0-\x7f]/g, (unit) => escaped(unit))
  const variants = [plain, ascii, plain.replaceAll(/[<>&\u2028\u2029]/g, (unit) => escaped(unit))]
  return variants.flatMap((form) => [form, form.replaceAll('/', '\\/')])
}

/** An echo of a request, in a line of a log: JSON in JSON in JSON. */
function nestedJson(text: string): string[] {
  const twice = inJson(inJson(text))
  return [twice, inJson(twice)]
}

function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}

function escaped(unit: string): string {
  const units = Array.from({ length: unit.length }, (_, index) => unit.charCodeAt(index))
  return units.map((code) => `\\u${code.toString(16).padStart(4, '0')}`).join('')
}

function urlForms(given: string): string[] {
  const text = given.toWellFormed()
  const component = encodeURIComponent(text)
  // RFC 3986 reserves five characters that this function leaves alone
  const strict = component.replaceAll(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  const all = [component, strict, strict.replaceAll('%2F', '/'), formValue(text), ...partsOfUrl(text)]
  return all.flatMap((one) => [one, one.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase())])
}

function formValue(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1)
}

/** As the URL class writes it in each part of a URL, which all have rules of their own. */
function partsOfUrl(text: string): string[] {
  const url = new URL('http://a/')
  url.pathname = `/${text}`
  url.search = `?${text}`
  url.hash = `#${text}`
  url.password = text
  return [url.pathname.slice(1), url.search.slice(1), url.hash.slice(1), url.password]
}

function htmlForms(text: string): string[] {
  const most = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  const quoted = most.replaceAll('"', '&quot;')
  return [
    most,
    quoted,
    ...['&#39;', '&#x27;', '&apos;'].map((apostrophe) => quoted.replaceAll("'", apostrophe)),
  ]
}

function hexForms(text: string): string[] {
  const hex = Buffer.from(text).toString('hex')
  return [hex, hex.toUpperCase()]
}

/**
 * What base64 makes of `text` when 0, 1 or 2 bytes (modulo 3) stand before it, without the characters that depend on
 * its neighbours; and the lines of 76 and of 64 characters in which encoders wrap a long one.
 */
function base64Forms(text: string): string[] {
  const bytes = Buffer.from(text)
  const aligned = [0, 1, 2].map((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64')
    return encoded.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6))
  })
  const alone = bytes.toString('base64')
  const [first = ''] = aligned
  const wrapped = [76, 64].flatMap((width) => [...piecesOf(first, width), ...piecesOf(alone, width)])
  const standard = [alone, ...aligned, ...wrapped]
  return [...standard, ...standard.map((form) => form.replaceAll('+', '-').replaceAll('/', '_'))]
}

function piecesOf(text: string, width: number): string[] {
  if (text.length <= width) return []
  const pieces = Array.from({ length: Math.ceil(text.length / width) }, (_, index) =>
    text.slice(index * width, (index + 1) * width),
  )
  return pieces.filter((piece) => piece.length >= leastLineCharacters)
}
