import { isDeepStrictEqual } from 'node:util'

export type FieldChange = { field: string; before: unknown; after: unknown }

/** Field by field; null where there is none. */
export function differences(before: Record<string, unknown>, after: Record<string, unknown>): FieldChange[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  return names
    .filter((name) => !isDeepStrictEqual(before[name], after[name]))
    .map((field) => ({ field, before: before[field] ?? null, after: after[field] ?? null }))
}
