import { handlers } from '../handlers/index.ts'
import { type RefusalOf, uncallableIn } from './shared/callable.ts'
import { areOff } from './shared/limits.ts'
import type { ActionJob } from './shared/outcome.ts'

type Problem = { path: string; message: string }

/** What a service has for actions. */
export type Available = { areCommandsOn: boolean; refusalOf: RefusalOf }

/**
 * What an action needs that this service does not have: handlers that it names, the right to start programs, and
 * targets that may be called.
 */
export async function unavailableIn(
  action: ActionJob['action'],
  { areCommandsOn, refusalOf }: Available,
): Promise<Problem[]> {
  const problems = [
    ...handlerIn(action, 'action'),
    ...handlerIn(action['when'], 'action.when'),
    ...(await uncallableIn(action, 'action', refusalOf)),
    ...(await uncallableIn(action['when'], 'action.when', refusalOf)),
  ]
  if (action.type === 'command' && !areCommandsOn)
    problems.push({ path: 'action.type', message: `action.type: ${areOff}` })
  return problems
}

function handlerIn(given: unknown, path: string): Problem[] {
  if (typeof given !== 'object' || given === null || !('type' in given) || given.type !== 'handler') return []
  const name = 'handler' in given ? given.handler : undefined
  const names = handlers.names()
  if (names.some((one) => one === name)) return []
  const expected = names.length > 0 ? `one of ${names.join(', ')}` : 'a file of handlers/, which has none'
  const message = `${path}.handler: ${JSON.stringify(name)} was given; expected ${expected}`
  return [{ path: `${path}.handler`, message }]
}
