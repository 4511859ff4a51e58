import { type Problem, problemAt } from '../../ground/problem.ts'
import { handlers } from '../../handlers/index.ts'

/** A handler that is asked for, and is no file of `handlers/`. */
export function unknownHandler({ handler: name }: { [field: string]: unknown }, path: string): Problem[] {
  const names = handlers.names()
  if (names.some((one) => one === name)) return []
  const expected = names.length > 0 ? `one of ${names.join(', ')}` : 'a file of handlers/, which has none'
  return [problemAt(path, 'handler', `${JSON.stringify(name)} was given; expected ${expected}`)]
}
