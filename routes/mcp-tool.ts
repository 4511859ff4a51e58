import type { JSONObject } from '@modelcontextprotocol/server'
import type { Scope } from '../src/access/keys/index.ts'

/** JSON as the API answers it. */
export type Json = { [name: string]: unknown }

/** One call of the API with the caller's key. */
export type Ask = (method: string, path: string, body?: object) => Promise<Json>

export type Tool = {
  name: string
  /** What a key needs to have the tool listed. */
  scope: Scope
  description: string
  properties: { [name: string]: JSONObject }
  required: string[]
  readOnly: boolean
  /** Takes more fields than it names: those of the API, which checks them. */
  isOpen?: true
  call(given: Json, ask: Ask): Promise<unknown>
}

/**
 * What is wrong with the arguments of a call, for the agent to read; null: nothing that the API would not find. The SDK
 * holds them against no schema; a wait that is no number would have no end, and a name that is none would be looked for.
 */
export function problemWith({ name, properties, required, isOpen }: Tool, given: Json): string | null {
  const known = Object.keys(properties)
  for (const field of required)
    if (given[field] === undefined) return `${field}: required (${describe(properties[field])})`
  for (const [field, value] of Object.entries(given)) {
    const { type, minimum, maximum } = (properties[field] ?? {}) as { [keyword: string]: unknown }
    if (properties[field] === undefined && !isOpen)
      return `${name} has no argument ${JSON.stringify(field)}. It takes ${known.join(', ')}.`
    if (type === 'string' && typeof value !== 'string') return `${field}: must be a string`
    if (type === 'boolean' && typeof value !== 'boolean') return `${field}: must be true or false`
    if (type !== 'integer') continue
    const [least, most] = [Number(minimum), Number(maximum)]
    const isIn = Number.isInteger(value) && Number(value) >= least && Number(value) <= most
    if (!isIn) return `${field}: must be a whole number from ${least} to ${most}`
  }
  return null
}

function describe(property: JSONObject | undefined): string {
  const told = property?.['description'] ?? property?.['type']
  return typeof told === 'string' ? told : 'see its schema'
}

/** What the agent can do next, by the code of a refusal. */
export const hints: { [code: string]: string } = {
  JOB_NOT_FOUND: 'find_jobs lists the jobs.',
  RUN_NOT_FOUND: 'find_runs lists the runs.',
  RUN_ID_INVALID: 'find_runs lists the runs with their ids.',
  SCHEDULE_INVALID: 'Try it with preview_schedule.',
  PROJECT_PAUSED: 'A person paused it: do not go on without being asked to.',
}
