import { type Answer, json } from '../../relay/core/index.ts'
import { forbiddenPage } from './firewall.ts'
import { fieldsOf, page } from './http.ts'

// Answers that a relay never gives, and others in place of its own.

/** The misbehaviour `answer`. */
export function cannedAnswer(word: string, amount: number): Answer {
  if (word === '403') return json(403, { error: 'invalid_client' })
  if (word === '401') return json(401, { error: 'invalid_token' })
  if (word === '429') return json(429, { error: 'slow_down' }, { 'retry-after': String(amount || 1) })
  if (word === 'firewall') return page(403, forbiddenPage)
  if (word === 'garbage') return page(200, 'OK, but this is no JSON {')
  return json(Number(word), { error: 'server_error' })
}

/** The misbehaviour `provision_answer`: success, in another form. */
export function writtenAs(word: string, { body, headers }: Answer): Answer {
  if (word === '201') return { status: 201, headers, body }
  if (word === 'no_id') return json(200, {})
  if (word === '204') return { status: 204, headers: {}, body: null }
  return page(200, word === 'text' ? 'OK' : '')
}

/** The misbehaviour `login_error`: the refusal of a dead login, in another form. */
export function deadLogin(word: string, { body, headers }: Answer): Answer {
  if (word === 'firewall') return page(403, forbiddenPage)
  if (word === '401' || word === '403') return page(Number(word), '')
  return json(400, { ...fieldsOf(body), error: word }, headers)
}

/** The misbehaviour `jwks`, for the words that replace the whole answer; null: for others. */
export function spoiltJwks(word: string): Answer | null {
  if (word === 'down') return json(503, { error: 'unavailable' })
  if (word === 'empty') return json(200, { keys: [] })
  if (word === 'garbage')
    return { ...page(200, 'keys: none {'), headers: { 'content-type': 'application/json' } }
  return word === 'huge' ? json(200, { keys: [], padding: 'x'.repeat(8_000_000) }) : null
}
