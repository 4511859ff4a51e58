import { distance } from '../src/ground/distance.ts'

/** The name that a person may have meant: a few letters away from what was typed. */
export function nearest(typed: string, names: Iterable<string>): string | null {
  const most = Math.max(1, Math.floor(typed.length / 3))
  const ranked = [...names]
    .map((name) => ({ name, far: distance(typed.toLowerCase(), name.toLowerCase()) }))
    .filter(
      ({ name, far }) =>
        far <= most || (typed.length > 2 && name.toLowerCase().includes(typed.toLowerCase())),
    )
    .toSorted((a, b) => a.far - b.far)
  return ranked[0]?.name ?? null
}
