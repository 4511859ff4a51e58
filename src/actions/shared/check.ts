import type { Problem } from '../../ground/problem.ts'
import { type RefusalOf, uncallableIn } from '../../outbound/index.ts'
import { actionNames, templateProblems } from '../../template/index.ts'
import { callsOfGate, checkGate, type Gate, gateOf, lacksOfGate } from '../gate/check.ts'
import type { ActionFields, PromptPlace } from '../type.ts'
import { typeOf } from '../types.ts'

/** Enough for one answer. */
const mostProblems = 50

/**
 * The problems of an action that has the right form, one sentence each, path first: names that no template has, and
 * what its type and its gate find. `prompt`: the job's. `place`: the service's own. Whether a secret is there is not
 * asked.
 */
export function checkAction(
  action: ActionFields | null,
  prompt: string | null,
  place: PromptPlace,
): Problem[] {
  const problems = templateProblems(prompt, { path: 'prompt', names: actionNames })
  if (!action) return problems
  const { fields, when } = apart(action)
  const type = typeOf(fields)
  const names = [...actionNames, ...(type?.namesOf?.(fields) ?? [])]
  const all = [
    ...problems,
    ...templateProblems(fields, { path: 'action', names }),
    ...(type?.check(fields, 'action', place) ?? []),
    ...(when ? templateProblems(when, { path: 'action.when', names: actionNames }) : []),
    ...(when ? checkGate(when, 'action.when') : []),
  ]
  return all.slice(0, mostProblems)
}

/** The parts of a service that actions need. */
export type Available = { areCommandsOn: boolean; refusalOf: RefusalOf }

/**
 * The needs of an action that this service cannot meet: handlers that it names, the right to start programs, and
 * targets that may be called.
 */
export async function unavailableIn(action: ActionFields, service: Available): Promise<Problem[]> {
  const { fields, when } = apart(action)
  const type = typeOf(fields)
  return [
    ...(type?.lacks?.(fields, 'action', service) ?? []),
    ...(when ? lacksOfGate(when, 'action.when') : []),
    ...(await uncallableIn(type?.callsOf(fields) ?? [], 'action', service.refusalOf)),
    ...(await uncallableIn(when ? callsOfGate(when) : [], 'action.when', service.refusalOf)),
  ]
}

function apart(action: ActionFields): { fields: ActionFields; when: Gate | null } {
  const { when: _, ...fields } = action
  return { fields, when: gateOf(action) }
}
