import { AppError } from '../ground/errors.ts'
import type { Problem } from '../ground/problem.ts'
import { isAllowed } from './names.ts'
import { parseTemplate } from './parse.ts'
import { textsIn } from './walk.ts'
import { beginningOf } from '../ground/text.ts'

/** The problems of the templates within a JSON value that stands at `path`, one sentence each, path first. */
export function templateProblems(
  value: unknown,
  { path, names }: { path: string; names: readonly string[] },
): Problem[] {
  const problems: Problem[] = []
  for (const leaf of textsIn(value, path)) {
    if (problems.length >= mostProblems) break
    for (const sentence of wrongWith(leaf.text, names))
      problems.push({ path: leaf.path, message: `${leaf.path}: ${sentence}` })
  }
  return problems
}

/** Enough for one answer. */
const mostProblems = 50

function wrongWith(text: string, names: readonly string[]): string[] {
  try {
    const unknown = parseTemplate(text).flatMap((piece) =>
      'name' in piece && !isAllowed(piece.name, names) ? [beginningOf(piece.name, 60)] : [],
    )
    const shown = [...new Set(unknown)].slice(0, mostProblems)
    return shown.map((name) => `{{${name}}} is not known; use one of ${names.join(', ')}`)
  } catch (error) {
    if (error instanceof AppError) return [error.message]
    throw error
  }
}
