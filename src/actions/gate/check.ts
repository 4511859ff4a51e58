import type { Problem } from '../../ground/problem.ts'
import type { Call } from '../../outbound/index.ts'
import { unknownHandler } from '../handler/known.ts'
import { checkCall } from '../http/check.ts'
import type { ActionFields } from '../type.ts'

/** An action's `when`, as it was saved. */
export type Gate = ActionFields

/** Null: the action has none. */
export function gateOf({ when }: ActionFields): Gate | null {
  return isGate(when) ? when : null
}

function isGate(value: unknown): value is Gate {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
}

/** Rules for a gate that its schema cannot express. */
export function checkGate(gate: Gate, path: string): Problem[] {
  return gate.type === 'http' ? checkCall(gate, path) : []
}

export function callsOfGate(gate: Gate): Call[] {
  return gate.type === 'http' ? [{ field: 'url', url: gate['url'] }] : []
}

/** A handler that it asks, and that is not here. */
export function lacksOfGate(gate: Gate, path: string): Problem[] {
  return gate.type === 'handler' ? unknownHandler(gate, path) : []
}
