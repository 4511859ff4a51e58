import { AppError } from '../../ground/errors.ts'
import { render, type Values } from '../../template/index.ts'
import { isReservedHeader } from '../../outbound/index.ts'

/**
 * An author's headers with the values in their places. Reserved ones are left out.
 *
 * @throws AppError FIELD_INVALID: one cannot be sent, such as one with a line break
 */
export function writeHeaders(given: unknown = {}, values: Values): Headers {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new AppError('FIELD_INVALID', 'action.headers: must be an object of names and strings')
  const headers = new Headers()
  for (const [name, text] of Object.entries(given)) {
    if (isReservedHeader(name)) continue
    if (typeof text !== 'string' || !setHeader(headers, name, render(text, values)))
      throw new AppError(
        'FIELD_INVALID',
        `action.headers: ${JSON.stringify(name)} is not a valid header; use a token as its name and a value of one line`,
      )
  }
  return headers
}

/** A text as it is, everything else as JSON; null is no body. Says so in `headers`, unless the author did. */
export function writeBody(value: unknown, headers: Headers): string | null {
  if (value === null) return null
  const isText = typeof value === 'string'
  setType(headers, isText ? 'text/plain;charset=UTF-8' : 'application/json')
  return isText ? value : JSON.stringify(value)
}

/**
 * Urlencoded fields. A list is one field for each of its items; null is none; an object is written as JSON.
 *
 * @throws AppError FIELD_INVALID: not an object
 */
export function writeForm(form: unknown, headers: Headers): string {
  if (typeof form !== 'object' || form === null || Array.isArray(form))
    throw new AppError('FIELD_INVALID', 'action.form: must be an object of names and values')
  setType(headers, 'application/x-www-form-urlencoded')
  const fields = new URLSearchParams()
  for (const [name, value] of Object.entries(form)) {
    for (const item of (Array.isArray(value) ? value : [value]) as unknown[]) {
      if (item === null || item === undefined) continue
      fields.append(name, typeof item === 'string' ? item : JSON.stringify(item))
    }
  }
  return fields.toString()
}

function setHeader(headers: Headers, name: string, text: string): boolean {
  // Headers cuts a line break off the end in silence, and a secret that has one is a mistake of its owner.
  if (/[\r\n]/.test(text)) return false
  try {
    headers.set(name, text)
    return true
  } catch (error) {
    if (error instanceof TypeError) return false
    throw error
  }
}

function setType(headers: Headers, type: string): void {
  if (!headers.has('content-type')) headers.set('content-type', type)
}
