import type { Problem } from '../../ground/problem.ts'
import type { ActionFields, PromptPlace } from '../type.ts'

/** Settings that a prompt action needs and that neither it nor the service has, one sentence for each. */
export function missingForPrompt(action: ActionFields, { baseUrl, model }: PromptPlace): Problem[] {
  if (action.type !== 'prompt') return []
  const needs = [
    { name: 'model', has: action['model'] ?? model, what: 'model', variable: 'PROMPT_MODEL' },
    {
      name: 'base_url',
      has: action['base_url'] ?? baseUrl,
      what: 'model server',
      variable: 'PROMPT_BASE_URL',
    },
  ]
  return needs
    .filter(({ has }) => typeof has !== 'string' || has === '')
    .map(({ name, what, variable }) => {
      const path = `action.${name}`
      const says = `a prompt needs a ${what}, and this service has none by default`
      return { path, message: `${path}: ${says}. Give \`${path}\`, or set ${variable}.` }
    })
}
