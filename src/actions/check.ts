import { existsSync } from 'node:fs'
import { actionNames, type TemplateProblem, templateProblems } from '../template/index.ts'
import { isReservedHeader } from './http/headers.ts'
import { missingForPrompt, type PromptPlace } from './prompt/needs.ts'
import { callbackName } from './http/request.ts'
import { misplacedIn } from './http/url.ts'

/** Whoever has more has seen enough. */
const mostProblems = 50

type Action = { type: string; [field: string]: unknown }

/**
 * What is wrong with an action that has the right form, one sentence each, path first: names that no template has,
 * templates in the wrong place, headers that are not the author's to set, fields that exclude each other, a shell line
 * in the place of a program, a prompt without a model or a server. `prompt`: the job's. `place`: the service's own. Whether a secret is there is not asked.
 */
export function checkAction(
  action: Action | null,
  prompt: string | null,
  place: PromptPlace,
): TemplateProblem[] {
  const problems = templateProblems(prompt, { path: 'prompt', names: actionNames })
  if (!action) return problems
  const { when, ...fields } = action
  const all = [
    ...problems,
    ...checkFields(fields, 'action'),
    ...checkFields(when, 'action.when'),
    ...missingForPrompt(action, place),
  ]
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
  if (fields['type'] === 'command') add('command', shellLineIn(fields['command']))
  if (fields['type'] !== 'http' || path !== 'action') return problems
  if (body !== null && form !== null) add('form', 'a body was given too; expected one of them')
  const isBodiless = method === 'GET' || method === 'HEAD'
  if (isBodiless && body !== null) add('body', `one was given; expected none, as ${method} takes none`)
  if (isBodiless && form !== null) add('form', `one was given; expected none, as ${method} takes none`)
  return problems
}

/** What only a shell understands. A path with a blank in it is a program if there is one. */
function shellLineIn(command: unknown): string | null {
  if (typeof command !== 'string' || !/[\s|&;<>()$`"'*?~]/.test(command)) return null
  if (command.startsWith('/') && existsSync(command)) return null
  return 'a shell line was given, and commands are started without a shell. Give the program here and its arguments in `args`; or run the line by a shell, as ["sh","-c","…"]: "command": "sh", "args": ["-c", "…"].'
}

const reservedSays = 'expected a header that neither this service nor the connection sets, not'
