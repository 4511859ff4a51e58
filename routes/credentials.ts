import type { Authored } from '../db/index.ts'

// Secrets belong into `{{secrets.NAME}}`. One that was written into a job as it is is shown to those who may write jobs,
// and to no other key.

const mask = '[REDACTED]'

/** Names whose values are credentials wherever they stand: in headers, variables, fields of a body, parameters. */
const telling =
  /authorization|cookie|credential|passw(or)?d|passphrase|secret|token|(api|access|auth|private|service|subscription)[-_.]?key/i
/** Of headers and variables of the environment also these. */
const tellingInHeaders = /key|session|signature/i
const tellingInUrls = /^(key|sig|signature)$/i

/** Where an action holds a credential as it is, by the paths of its fields. */
export function credentialsIn(action: Authored['action']): string[] {
  const found: string[] = []
  walk(action, ['action'], (path) => void found.push(path))
  return found
}

/** The action with every credential that stands in it as it is masked. */
export function withoutCredentials(action: Authored['action']): Authored['action'] {
  return walk(action, ['action'], () => undefined) as Authored['action']
}

/** The same for one field of a job, a channel or a key; credentials of receivers are named (`{{secrets.NAME}}`) anyway. */
export function withoutCredentialsIn(field: string, value: unknown): unknown {
  return walk(value, [field], () => undefined)
}

function walk(value: unknown, steps: string[], note: (path: string) => void): unknown {
  if (Array.isArray(value)) return value.map((item, index) => walk(item, [...steps, String(index)], note))
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [name, walk(item, [...steps, name], note)]),
    )
  if (typeof value !== 'string' || value === '') return value
  const shown = isTelling(steps) && !isByName(value) ? mask : withoutUrlCredentials(value)
  if (shown !== value) note(steps.join('.'))
  return shown
}

function isTelling(steps: string[]): boolean {
  const name = steps.at(-1) ?? ''
  const isHeader = steps.at(-2) === 'headers' || steps.at(-2) === 'env'
  return telling.test(name) || (isHeader && tellingInHeaders.test(name))
}

/** Nothing in it but names of secrets, after a scheme (`Bearer {{secrets.A}}`) or a name (`sid={{secrets.A}}`) at most. */
function isByName(text: string): boolean {
  const rest = text.replaceAll(/\{\{\s*secrets\.\w+\s*\}\}/g, '')
  if (rest === text) return false
  return rest.trim() === '' || /^(?:[A-Za-z][\w-]{0,30} |[A-Za-z][\w-]{0,30}=)$/.test(rest)
}

/** In a text that is a URL: user and password, and the values of telling parameters. */
function withoutUrlCredentials(text: string): string {
  if (!/^https?:\/\//i.test(text)) return text
  const plain = text.replace(/^(https?:\/\/)[^/?#@]*@/i, `$1${mask}@`)
  return plain.replaceAll(
    /([?&])([^=&#?]+)=([^&#]+)/g,
    (whole, start: string, name: string, value: string) =>
      (telling.test(name) || tellingInUrls.test(name)) && !isByName(value)
        ? `${start}${name}=${mask}`
        : whole,
  )
}
