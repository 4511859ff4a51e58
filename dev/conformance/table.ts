import type { Group } from './kit/clause.ts'
import type { Result, Side } from './run.ts'

/** Clause, tries, held: a line for each, with a column for the service and one for the timer service. */
export function table(groups: Group[], results: Result[]): string {
  const tried = groups.flatMap((group) => group.clauses.map(({ name }) => ({ group: group.name, name })))
  const cell = (name: string, side: Side) =>
    cellOf(results.filter((it) => it.clause === name && it.side === side))
  const rows = tried
    .filter(({ name }) => results.some((it) => it.clause === name))
    .map(({ name }) => [name, ...cell(name, 'service'), ...cell(name, 'nas')])
  const lines = [['clause', 'service: tries', 'held', 'NAS: tries', 'held'], ...rows]
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)))
  return lines
    .map((line) =>
      line
        .map((text, i) => text.padEnd(widths[i]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function cellOf(results: Result[]): [tries: string, held: string] {
  const [result] = results
  if (!result) return ['', '']
  if ('untried' in result) return ['–', 'not tried']
  const { count, held } = result.tries
  return [String(count), held === count ? String(held) : `${held} ✖`]
}

/** Every observation that did not hold, with what was expected and what was seen. */
export function failures(results: Result[]): string[] {
  return results.flatMap((result) => {
    if ('untried' in result) return []
    return result.tries.failures.map(({ what, expected, seen }) =>
      [
        `✖ ${result.clause} (${sideName[result.side]}): ${what}`,
        `    expected ${expected}`,
        `    saw      ${seen}`,
      ].join('\n'),
    )
  })
}

/** What was not tried, by its reason. */
export function untried(results: Result[]): string[] {
  const reasons = new Map<string, string[]>()
  for (const result of results) {
    if (!('untried' in result)) continue
    const key = `${sideName[result.side]}: ${result.untried}`
    reasons.set(key, [...(reasons.get(key) ?? []), result.clause])
  }
  return [...reasons].map(([reason, clauses]) => `not tried on the ${reason}: ${clauses.join(', ')}`)
}

const sideName: Record<Side, string> = { service: 'service', nas: 'timer service' }
