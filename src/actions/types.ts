import { command } from './command/index.ts'
import { handler } from './handler/index.ts'
import { http } from './http/index.ts'
import { prompt } from './prompt/index.ts'
import type { ActionFields, ActionType } from './type.ts'

/** Every type of action that there is, in the order in which they are documented. */
export const actionTypes = [http, prompt, handler, command] as const satisfies readonly ActionType[]

/** Null: there is no such type. */
export function typeOf({ type }: ActionFields): ActionType | null {
  return actionTypes.find((one) => one.type === type) ?? null
}
