import { type Problem, problemAt } from '../../ground/problem.ts'
import { handlers } from '../../handlers/index.ts'

/** A handler that the action names and that is not a file of `handlers/`. */
export function unknownHandler({ handler: name }: { [field: string]: unknown }, path: string): Problem[] {
  const names = handlers.names()
  if (names.some((one) => one === name)) return []
  const known = names.length > 0 ? `use one of ${names.join(', ')}` : 'handlers/ has no files'
  return [problemAt(path, 'handler', `no handler ${JSON.stringify(name)}; ${known}`)]
}
