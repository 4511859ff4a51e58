import { actionNames, type TemplateProblem, templateProblems } from '../template/index.ts'
import { isReservedHeader } from './headers.ts'
import { callbackName } from './request.ts'
import { misplacedIn } from './url.ts'

/** Whoever has more has seen enough. */
const mostProblems = 50

type Action = { type: string; [field: string]: unknown }

/**
 * What is wrong with an action that has the right form, one sentence each, path first: names that no template has,
 * templates in the wrong place, headers that are not the author's to set, fields that exclude each other. `prompt`: the
 * job's. Whether a secret is there is not asked.
 */
export function checkAction(action: Action | null, prompt: string | null): TemplateProblem[] {
  const problems = templateProblems(prompt, { path: 'prompt', names: actionNames })
  if (!action) return problems
  const { when, ...fields } = action
  const all = [...problems, ...checkFields(fields, 'action'), ...checkFields(when, 'action.when')]
  return all.slice(0, mostProblems)
}

function checkFields(given: unknown, path: string): TemplateProblem[] {
  if (typeof given !== 'object' || given === null) return []
  const fields = given as Record<string, unknown>
  const { url, headers, body = null, form = null, method = 'POST', callback } = fields
  const names = callback === undefined ? actionNames : [...actionNames, callbackName]
  const problems = templateProblems(fields, { path, names })
  const add = (field: string, sentence: string | null) => {
    const at = `${path}.${field}`
    if (sentence) problems.push({ path: at, message: `${at}: ${sentence}` })
  }
  // a template that cannot be read has been complained of above
  if (typeof url === 'string' && problems.length === 0) add('url', misplacedIn(url))
  for (const name of Object.keys(headers ?? {})) {
    if (isReservedHeader(name)) add(`headers.${name}`, `${reservedSays} ${JSON.stringify(name)}`)
  }
  if (fields['type'] !== 'http' || path !== 'action') return problems
  if (body !== null && form !== null) add('form', 'a body was given too; expected one of them')
  const isBodiless = method === 'GET' || method === 'HEAD'
  if (isBodiless && body !== null) add('body', `one was given; expected none, as ${method} takes none`)
  if (isBodiless && form !== null) add('form', `one was given; expected none, as ${method} takes none`)
  return problems
}

const reservedSays = 'expected a header that neither this service nor the connection sets, not'
