/** The candidate that `given` was most probably meant to be; null if none is close enough. */
export function nearest(given: string, candidates: string[]): string | null {
  const word = given.toLowerCase().slice(0, 40)
  const [best] = candidates
    .map((candidate) => ({ candidate, distance: distanceTo(word, candidate.toLowerCase()) }))
    .filter(({ candidate, distance }) => distance <= Math.max(1, Math.floor(candidate.length / 3)))
    .toSorted((a, b) => a.distance - b.distance)
  return best?.candidate ?? null
}

/** A name whose unit alone is missing (`lease` for `lease_ms`) is as near as one wrong letter. */
function distanceTo(word: string, candidate: string): number {
  return candidate.startsWith(`${word}_`) ? 1 : editDistance(word, candidate)
}

/** Levenshtein's: insertions, deletions and replacements of one character. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (const [i, letter] of Array.from(a).entries()) {
    const next = [i + 1]
    for (const [j, other] of Array.from(b).entries()) {
      const replaced = (row[j] ?? 0) + (letter === other ? 0 : 1)
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}
